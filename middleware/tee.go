// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/notice"
)

// TeeConfig configures NewTee.
type TeeConfig struct {
	// To makes the copy of a call. It owns c; c.Reply is a new value of the type of the
	// original's reply. The context ends after Timeout and with Close; it carries the
	// call's metadata, without what belongs to the protocol, so that calls which To makes
	// with it carry it too. Required.
	To rpcx.UnaryFunc
	// Copy copies arguments. Default: the copy has those of the original, which on a
	// server nobody uses any more once the handler has returned, unless it has kept them.
	// On a client the caller may change them: there Copy is required.
	Copy func(args any) any
	// Sample copies one of so many calls. Default 1: all.
	Sample int
	// Queue is how many copies may wait; Workers how many are made at a time. Defaults
	// 1024 and 4. What finds the queue full is dropped and counted.
	Queue, Workers int
	// Timeout is how long a copy may take. Default 5 s.
	Timeout time.Duration
	// Logger takes a warning when copies are dropped or fail. Default slog.Default().
	Logger *slog.Logger
}

// Tee sends copies of calls somewhere else, such as a new version of a service that is
// to prove itself. The calls do not wait for it, and never notice how it fares.
type Tee struct {
	config  TeeConfig
	queue   chan *copied
	ctx     context.Context //nolint:containedctx // ends with Close
	cancel  context.CancelFunc
	workers sync.WaitGroup
	seen    atomic.Uint64

	sent, failed, dropped atomic.Uint64
	drops, failures       *notice.Notice
}

// TeeStats is what became of the copies so far.
type TeeStats struct {
	Sent    uint64 // made, whatever came of them
	Failed  uint64 // of those, ended with an error
	Dropped uint64 // found no room, or were waiting when the Tee was closed
}

// copied is a copy that waits.
type copied struct {
	call     rpcx.Call
	metadata rpcx.Metadata
}

// NewTee makes a Tee and starts its workers; Close ends them.
func NewTee(config TeeConfig) *Tee {
	config.Sample = max(config.Sample, 1)
	if config.Queue <= 0 {
		config.Queue = 1024
	}
	if config.Workers <= 0 {
		config.Workers = 4
	}
	if config.Timeout <= 0 {
		config.Timeout = 5 * time.Second
	}
	t := &Tee{
		config:   config,
		queue:    make(chan *copied, config.Queue),
		drops:    newNotice(config.Logger, "copies of calls dropped: the queue is full"),
		failures: newNotice(config.Logger, "copies of calls failed"),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	for range config.Workers {
		t.workers.Go(t.work)
	}
	return t
}

// Interceptor copies calls when they have ended, whether or not they failed.
func (t *Tee) Interceptor() rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			if t.ctx.Err() != nil || (t.seen.Add(1)-1)%uint64(t.config.Sample) != 0 {
				return next(ctx, c)
			}
			var args any
			if t.config.Copy != nil {
				args = t.config.Copy(c.Args) // before the handler can change them
			}
			err := next(ctx, c)
			if t.config.Copy == nil {
				args = c.Args
			}
			t.offer(ctx, c, args)
			return err
		}
	}}
}

// offer queues a copy if there is room.
func (t *Tee) offer(ctx context.Context, c *rpcx.Call, args any) {
	one := &copied{
		call:     rpcx.Call{Side: c.Side, Service: c.Service, Method: c.Method, Args: args, Oneway: c.Oneway},
		metadata: c.Header,
	}
	if c.Side == rpcx.ServerSide {
		one.metadata = rpcx.IncomingMetadata(ctx)
	}
	if r := reflect.TypeOf(c.Reply); r != nil && r.Kind() == reflect.Pointer {
		one.call.Reply = reflect.New(r.Elem()).Interface()
	}
	one.call.Header = one.metadata
	select {
	case t.queue <- one:
	default:
		t.dropped.Add(1)
		t.drops.Warn(ctx, called(c.Service, c.Method))
	}
}

// work makes copies until the Tee is closed.
func (t *Tee) work() {
	for {
		select {
		case <-t.ctx.Done():
			return
		case one := <-t.queue:
			t.send(one)
		}
	}
}

func (t *Tee) send(one *copied) {
	ctx, cancel := context.WithTimeout(rpcx.WithMetadata(t.ctx, one.metadata), t.config.Timeout)
	defer cancel()
	t.sent.Add(1)
	if err := t.to(ctx, &one.call); err != nil {
		t.failed.Add(1)
		t.failures.Warn(ctx, called(one.call.Service, one.call.Method), slog.Any("error", err))
	}
}

// to calls To; a panic there is an error of the copy, and of nothing else.
func (t *Tee) to(ctx context.Context, c *rpcx.Call) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return t.config.To(ctx, c)
}

// Stats returns what became of the copies so far.
func (t *Tee) Stats() TeeStats {
	return TeeStats{Sent: t.sent.Load(), Failed: t.failed.Load(), Dropped: t.dropped.Load()}
}

// Close drops what waits, cancels what is under way and returns when the workers have
// ended. Calls go on without being copied.
func (t *Tee) Close() error {
	t.cancel()
	t.workers.Wait()
	for {
		select {
		case <-t.queue:
			t.dropped.Add(1)
		default:
			return nil
		}
	}
}
