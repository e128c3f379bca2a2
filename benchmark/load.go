// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// load is the callers of a scenario and what they call over.
type load struct {
	peer     peer
	scenario scenario
	recorder *recorder
	pool     peers.Pool   // or, for a limit,
	driver   peers.Driver // one of the two

	newSleeper func() (sleep func(time.Duration), free func()) // for an open loop

	running    atomic.Int64 // callers
	unfinished atomic.Int64 // calls that were to begin and did not end; open loop
}

// window is the time during which calls are recorded.
type window struct{ from, until time.Time }

// newLoad opens the connections and makes one call on each, so that none is opened
// while time is taken.
func newLoad(ctx context.Context, p peer, addr string, s scenario, r *recorder) (*load, error) {
	l := &load{peer: p, scenario: s, recorder: r, newSleeper: newSleeper}
	var err error
	if p.limit != nil {
		l.driver, err = p.limit.Dial(ctx, addr, peers.Load{Callers: s.Callers, Conns: s.Conns, Payload: s.Payload}, r)
		return l, err
	}
	if l.pool, err = p.framework.Dial(addr, s.Conns); err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	args := peers.NewMessage(s.Payload)
	for conn := range s.Conns {
		if err := l.call(ctx, conn, args, conn); err != nil {
			_ = l.pool.Close()
			return nil, fmt.Errorf("first call on connection %d: %w", conn, err)
		}
	}
	return l, nil
}

// call makes and checks the call with the given number.
func (l *load) call(ctx context.Context, conn int, args *pb.BenchmarkMessage, n int) error {
	peers.Tag(args, n)
	reply, err := l.pool.Call(ctx, conn, args)
	if err != nil {
		return err
	}
	return peers.Verify(args, reply)
}

// run makes calls until ctx ends, and returns when all have ended.
func (l *load) run(ctx context.Context, w window) error {
	switch {
	case l.driver != nil:
		return l.driver.Drive(ctx)
	case l.scenario.Rate > 0:
		l.open(w)
		<-ctx.Done()
	default:
		l.closed(ctx)
	}
	return nil
}

// close closes the connections.
func (l *load) close() error {
	if l.driver != nil {
		return l.driver.Close()
	}
	return l.pool.Close()
}

// closed makes each caller call again as soon as it has its reply.
func (l *load) closed(ctx context.Context) {
	var over atomic.Bool // cheaper to ask than ctx
	stop := context.AfterFunc(ctx, func() { over.Store(true) })
	defer stop()
	l.callers(func(caller int, call func(n int) error) {
		began := time.Now()
		for n := caller; !over.Load(); n += l.scenario.Callers {
			err := call(n)
			now := time.Now()
			l.recorder.Done(caller, now.Sub(began), err)
			if err != nil {
				pause(ctx)
				now = time.Now()
			}
			began = now
		}
	})
}

// callers runs f for every caller, with a function that makes a call of it, and
// waits for all. Calls have a context that does not end, as in rpcx-benchmark.
func (l *load) callers(f func(caller int, call func(n int) error)) {
	var calling sync.WaitGroup
	for caller := range l.scenario.Callers {
		l.running.Add(1)
		calling.Go(func() {
			defer l.running.Add(-1)
			args := peers.NewMessage(l.scenario.Payload)
			conn := caller % l.scenario.Conns
			f(caller, func(n int) error { return l.call(context.Background(), conn, args, n) })
		})
	}
	calling.Wait()
}

// pause keeps a caller whose calls fail from taking the processor from the others.
func pause(ctx context.Context) {
	select {
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
	}
}
