// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
)

// A call that waits for a server, or pauses because one asked for it, ends with Close, and
// one that begins afterwards asks nobody.
func TestCloseEndsCallsThatWait(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T) (x *client.XClient, opts []client.CallOption){
		"no servers": func(t *testing.T) (*client.XClient, []client.CallOption) {
			p := newPeer(t)
			none := client.NewMultipleServersDiscovery(nil)
			x := client.NewXClient("S", client.Failover, client.RandomSelect, none, p.option(client.Option{}))
			return x, []client.CallOption{client.WaitForReady()}
		},
		"a pause of a day": func(t *testing.T) (*client.XClient, []client.CallOption) {
			p := newPeer(t)
			p.answer(func(w *wire, m *protocol.Message) {
				w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted().WithPause(24*time.Hour))
			})
			return p.client(client.Failtry, client.Option{}), nil
		},
	}
	for name, make := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x, opts := make(t)
				began := time.Now()
				time.AfterFunc(time.Second, func() { x.Close() })
				err := x.Call(context.Background(), "M", []byte("id"), new([]byte), opts...)
				wantError(t, err, rpcx.Canceled, true)
				if took := time.Since(began); took != time.Second {
					t.Errorf("closed after 1 s, ended after %v", took)
				}
				wantError(t, x.Call(context.Background(), "M", []byte("id"), new([]byte), opts...), rpcx.Canceled, true)
			})
		})
	}
}

// A server's wish for a long pause is heeded for ten seconds.
func TestPauseIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		var calls atomic.Int32
		p.answer(func(w *wire, m *protocol.Message) {
			if calls.Add(1) == 1 {
				w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted().WithPause(24*time.Hour))
				return
			}
			w.reply(m, "ok")
		})
		began := time.Now()
		var reply []byte
		err := p.client(client.Failtry, client.Option{}).Call(context.Background(), "M", []byte("id"), &reply)
		wantOK(t, result{string(reply), err}, "ok")
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// shut tells whether it is asked after its end.
type shut struct {
	balance.Picker

	closed, late *atomic.Bool
}

func (s shut) NewPicker(set []registry.Instance, _ balance.Picker) balance.Picker {
	s.Picker = balance.Random{}.NewPicker(set, nil)
	return s
}

func (s shut) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	if s.closed.Load() {
		s.late.Store(true)
	}
	return s.Picker.Pick(ctx, call, usable)
}

func (s shut) Close() error {
	s.closed.Store(true)
	return nil
}

func TestNoPickAfterClose(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
	policy := shut{closed: new(atomic.Bool), late: new(atomic.Bool)}
	x := client.NewXClient("S", client.Failfast, client.SelectByUser, client.NewPeer2PeerDiscovery(p.key(), ""),
		p.option(client.Option{Balance: policy}))
	if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil {
		t.Error(err)
	}
	x.Close()
	wantError(t, x.Call(t.Context(), "M", []byte("x"), new([]byte)), rpcx.Canceled, true)
	if !policy.closed.Load() || policy.late.Load() {
		t.Errorf("closed: %t, asked afterwards: %t", policy.closed.Load(), policy.late.Load())
	}
}

// A caller that is wrong about the type of the reply says nothing about the server.
func TestWrongReplyTypeOpensNoBreaker(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, `"text"`) })
	x := p.client(client.Failfast, client.Option{SerializeType: protocol.JSON, Breaker: client.Breaker{Refuse: true}})
	for range 20 {
		wantError(t, x.Call(t.Context(), "M", "x", new(int)), rpcx.Internal, false)
	}
	var reply string
	if err := x.Call(t.Context(), "M", "x", &reply); err != nil || reply != "text" {
		t.Errorf("a right call: %q, %v", reply, err)
	}
}

// Names that others choose cost a bounded amount.
func TestServicesAreBounded(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
	c := client.NewClient(client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(p.key(), ""), p.option(client.Option{MaxServices: 3}))
	closing(t, c)
	for i := range 10 {
		err := c.Call(t.Context(), fmt.Sprint(i), "M", []byte("x"), new([]byte))
		if i < 3 && err != nil {
			t.Errorf("service %d: %v", i, err)
		}
		if i >= 3 {
			wantError(t, err, rpcx.ResourceExhausted, true)
		}
	}
	if err := c.Call(t.Context(), "0", "M", []byte("x"), new([]byte)); err != nil {
		t.Errorf("a service that is known: %v", err)
	}
}

// slowly takes its time to be encoded.
type slowly struct{}

// MarshalJSON implements json.Marshaler.
func (slowly) MarshalJSON() ([]byte, error) {
	time.Sleep(300 * time.Millisecond)
	return []byte("{}"), nil
}

// The time that encoding takes is part of the call's.
func TestTimeoutIncludesEncoding(t *testing.T) {
	alone(t, func(t *testing.T, c *client.Conn, w *wire) {
		for _, reader := range []string{"a caller", "its goroutine"} {
			began := time.Now()
			done := make(chan error, 1)
			go func() {
				done <- c.Call(context.Background(), "S", "M", slowly{}, new([]byte),
					client.WithSerializeType(protocol.JSON), client.WithTimeout(400*time.Millisecond))
			}()
			if reader == "its goroutine" {
				go func() { // two at once
					_ = c.Call(t.Context(), "S", "M", []byte("x"), new([]byte))
				}()
				w.next()
			}
			w.next()
			wantError(t, <-done, rpcx.DeadlineExceeded, false)
			if took := time.Since(began); took != 400*time.Millisecond {
				t.Errorf("%s reads: a call with a time-out of 400 ms took %v", reader, took)
			}
			w.next() // the cancel
		}
		w.Close()
	})
}

// A time-out that bounded one attempt is not sent with the next one.
func TestTimeoutOfAnEarlierAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		var sent []string
		p.answer(func(w *wire, m *protocol.Message) {
			sent = append(sent, m.Metadata.Get("__ServerTimeout"))
			if len(sent) == 1 {
				w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted())
				return
			}
			w.reply(m, "ok")
		})
		first := true
		bound := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			if first {
				first = false
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			return next(ctx, c)
		})
		x := p.client(client.Failtry, client.Option{AttemptInterceptors: []rpcx.Interceptor{bound}})
		if err := x.Call(context.Background(), "M", []byte("id"), new([]byte)); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(sent) != 2 || sent[0] != "1000" || sent[1] != "" {
			t.Errorf("time-outs sent: %q", sent)
		}
	})
}

// counted counts what an observer is told.
type counted struct{ starts, ends, failed atomic.Int32 }

func (o *counted) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context {
	o.starts.Add(1)
	return ctx
}

func (o *counted) CallEnd(_ context.Context, _ *rpcx.CallInfo, r *rpcx.CallResult) {
	o.ends.Add(1)
	if r.Err != nil {
		o.failed.Add(1)
	}
}

// An observer hears of the end of a call whose interceptor or arguments panic.
func TestObserverHearsOfPanics(t *testing.T) {
	t.Parallel()
	explode := rpcx.Interceptor{Unary: func(rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(context.Context, *rpcx.Call) error { panic("mine") }
	}}
	for name, opt := range map[string]client.Option{
		"interceptor": {Interceptors: []rpcx.Interceptor{explode}},
		"attempt":     {AttemptInterceptors: []rpcx.Interceptor{explode}},
		"arguments":   {SerializeType: protocol.JSON},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			o := new(counted)
			opt.Observer = o
			x := p.client(client.Failfast, opt)
			func() {
				defer func() {
					if recover() == nil {
						t.Error("nothing panicked")
					}
				}()
				_ = x.Call(context.Background(), "M", explosive{}, new(string))
			}()
			if s, e, f := o.starts.Load(), o.ends.Load(), o.failed.Load(); s == 0 || s != e || f != e {
				t.Errorf("%d started, %d ended, %d failed", s, e, f)
			}
		})
	}
}

// A panic on a goroutine of the client's own is the caller's to recover.
func TestPanicsElsewhereReachTheCaller(t *testing.T) {
	t.Parallel()
	explode := rpcx.Interceptor{Unary: func(rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(context.Context, *rpcx.Call) error { panic("mine") }
	}}
	p := newPeer(t)
	x := p.client(client.Failbackup, client.Option{AttemptInterceptors: []rpcx.Interceptor{explode}})
	for name, call := range map[string]func() error{
		"Failbackup": func() error { return x.Call(t.Context(), "M", []byte("x"), new([]byte)) },
		"Broadcast":  func() error { return x.Broadcast(t.Context(), "M", []byte("x"), new([]byte)) },
		"Fork":       func() error { return x.Fork(t.Context(), "M", []byte("x"), new([]byte)) },
	} {
		func() {
			defer func() {
				if r := recover(); r != "mine" {
					t.Errorf("%s: recovered %v", name, r)
				}
			}()
			_ = call()
		}()
	}
}

// A peer that is slow but moving does not hold a caller beyond its time.
func TestSlowPeerDoesNotHoldTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		c, w := p.dial(client.Option{Limits: protocol.Limits{Frame: 64 << 20, Payload: 64 << 20}, MaxUnsent: 64 << 20})
		p.tasks.Go(func() {
			for readSome(w) == nil {
				time.Sleep(5 * time.Millisecond)
			}
		})
		for range 2 {
			began := time.Now()
			err := c.Call(context.Background(), "S", "M", make([]byte, 16<<20), new([]byte), client.WithTimeout(200*time.Millisecond))
			wantError(t, err, rpcx.DeadlineExceeded, false)
			if took := time.Since(began); took > 300*time.Millisecond {
				t.Errorf("a time-out of 200 ms took %v", took)
			}
		}
		c.Close()
		w.Close()
	})
}

// readSome takes up to 64 KiB.
func readSome(c net.Conn) error {
	_, err := c.Read(make([]byte, 64<<10))
	return err
}
