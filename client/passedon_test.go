// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
)

// intercepting runs f with an interceptor around calls, and with it around attempts. Of the
// client's calls it gets all but the first.
func intercepting(t *testing.T, i func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error, f func(t *testing.T, opt client.Option)) {
	t.Helper()
	chain := []rpcx.Interceptor{unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		if c.Method == "Hello" {
			return next(ctx, c)
		}
		return i(ctx, c, next)
	})}
	for name, opt := range map[string]client.Option{"call": {Interceptors: chain}, "attempt": {AttemptInterceptors: chain}} {
		t.Run("around the "+name, func(t *testing.T) {
			t.Parallel()
			f(t, opt)
		})
	}
}

// A call stays as its interceptor has it when that passes a copy on, but for what came of that.
func TestCopyPassedOn(t *testing.T) {
	t.Parallel()
	intercepting(t, func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		before, mine := *c, *c
		mine.Method, mine.Reply = "N", new([]byte)
		mine.Header = mine.Header.With("k", "v")
		err := next(ctx, &mine)
		*before.Reply.(*[]byte) = append([]byte("via "), *mine.Reply.(*[]byte)...)
		if c.Method != before.Method || c.Reply != before.Reply || c.Header.Get("k") != "" {
			t.Errorf("the call has become %+v", c)
		}
		if mine.Trailer.Get("of") != "N v" || mine.Peer.Addr == nil {
			t.Errorf("the copy has %v from %v", mine.Trailer, mine.Peer)
		}
		return err
	}, func(t *testing.T, opt client.Option) {
		x := newPeer(t).knowing(func(w *wire, m *protocol.Message) {
			r := answerTo(m, "ok")
			r.Metadata = protocol.Pairs("of", m.Method+" "+m.Metadata.Get("k"))
			w.send(r)
		}, client.Failfast, opt)
		var reply []byte
		var trailer rpcx.Metadata
		var from rpcx.Peer
		err := x.Call(t.Context(), "M", []byte("x"), &reply, client.WithTrailer(&trailer), client.WithPeer(&from))
		if err != nil || string(reply) != "via ok" || trailer.Get("of") != "N v" || from.Addr == nil {
			t.Errorf("got %q, %v with %v from %v", reply, err, trailer, from)
		}
	})
}

// What an interceptor has said of the call counts more than what came of the copy.
func TestCopyPassedOnAndChanged(t *testing.T) {
	t.Parallel()
	intercepting(t, func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		mine := *c
		err := next(ctx, &mine)
		c.Trailer = rpcx.Pairs("of", "mine")
		return err
	}, func(t *testing.T, opt client.Option) {
		x := newPeer(t).knowing(func(w *wire, m *protocol.Message) {
			r := answerTo(m, "ok")
			r.Metadata = protocol.Pairs("of", "server")
			w.send(r)
		}, client.Failfast, opt)
		var trailer rpcx.Metadata
		err := x.Call(t.Context(), "M", []byte("x"), new([]byte), client.WithTrailer(&trailer))
		if err != nil || trailer.Get("of") != "mine" {
			t.Errorf("%v, %v", trailer, err)
		}
	})
}

// A raw call gets its answer also if interceptors pass copies on.
func TestCopyOfRawCall(t *testing.T) {
	t.Parallel()
	intercepting(t, func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		mine := *c
		return next(ctx, &mine)
	}, func(t *testing.T, opt client.Option) {
		x := newPeer(t).knowing(func(w *wire, m *protocol.Message) { w.reply(m, "ok") }, client.Failfast, opt)
		_, payload, err := x.SendRaw(t.Context(), &protocol.Message{Service: "S", Method: "M", Payload: []byte("x")})
		if err != nil || string(payload) != "ok" {
			t.Errorf("got %q, %v", payload, err)
		}
	})
}

// An interceptor may pass the call itself on after a copy: what it passed on last counts.
func TestCallPassedOnAfterCopy(t *testing.T) {
	t.Parallel()
	intercepting(t, func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		mine := *c
		wantError(t, next(ctx, &mine), rpcx.NotFound, false)
		return next(ctx, c)
	}, func(t *testing.T, opt client.Option) {
		fails := true
		x := newPeer(t).knowing(func(w *wire, m *protocol.Message) {
			if fails = !fails; fails {
				w.reply(m, "ok")
				return
			}
			w.replyError(m, rpcx.Errorf(rpcx.NotFound, "not there"))
		}, client.Failfast, opt)
		var reply []byte
		var trailer rpcx.Metadata
		if err := x.Call(t.Context(), "M", []byte("x"), &reply, client.WithTrailer(&trailer)); err != nil || string(reply) != "ok" || trailer.Len() != 0 {
			t.Errorf("got %q with %v, %v", reply, trailer, err)
		}
		_, payload, err := x.SendRaw(t.Context(), &protocol.Message{Service: "S", Method: "M", Payload: []byte("x")})
		if err != nil || string(payload) != "ok" {
			t.Errorf("a raw call: got %q, %v", payload, err)
		}
	})
}

// A frame that an interceptor lets nobody answer is no success.
func TestRawCallWithoutAnswer(t *testing.T) {
	t.Parallel()
	intercepting(t, func(context.Context, *rpcx.Call, rpcx.UnaryFunc) error { return nil }, func(t *testing.T, opt client.Option) {
		x := newPeer(t).knowing(func(w *wire, m *protocol.Message) { w.reply(m, "ok") }, client.Failfast, opt)
		_, _, err := x.SendRaw(t.Context(), &protocol.Message{Service: "S", Method: "M", Payload: []byte("x")})
		wantError(t, err, rpcx.Internal, false)
	})
}

// What is paid for calls that an interceptor makes again is paid for copies as well.
func TestCopiesArePaidFor(t *testing.T) {
	t.Parallel()
	sent := 0
	again := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) (err error) {
		for range 1000 {
			mine := *c
			if err = next(ctx, &mine); err == nil {
				return nil
			}
		}
		return err
	})
	p := newPeer(t)
	x := p.knowing(func(w *wire, m *protocol.Message) {
		sent++
		w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted())
	}, client.Failfast, client.Option{
		Interceptors: []rpcx.Interceptor{again}, RetryBudget: client.RetryBudget{PerSecond: 1e-9},
	})
	for range 10 {
		_ = x.Call(t.Context(), "M", []byte("x"), new([]byte))
	}
	if sent > 500 {
		t.Errorf("10 calls were sent %d times", sent)
	}
}

// An attempt that an interceptor has left running touches nothing of those after it, if it was
// made with a copy; with the call itself, there is none after it.
func TestAttemptLeftRunning(t *testing.T) {
	t.Parallel()
	for _, mode := range []client.FailMode{client.Failtry, client.Failover} {
		for _, copied := range []bool{true, false} {
			t.Run(mode.String()+map[bool]string{true: " with a copy", false: " with the call"}[copied], func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := newPeer(t)
					arrived, ended, released := make(chan struct{}), make(chan error, 1), make(chan struct{})
					attempts := 0
					x := p.knowing(func(w *wire, m *protocol.Message) {
						if attempts == 1 {
							close(arrived)
							go func() {
								<-released
								w.reply(m, "first")
							}()
							return
						}
						w.reply(m, "second")
					}, mode, client.Option{Observer: silent{}, AttemptInterceptors: []rpcx.Interceptor{
						unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
							if attempts++; c.Method == "Hello" || attempts > 1 {
								return next(ctx, c)
							}
							if copied {
								mine := *c
								mine.Reply = new([]byte)
								c = &mine
							}
							go func() { ended <- next(ctx, c) }()
							<-arrived
							return rpcx.Errorf(rpcx.Unavailable, "too slow")
						}),
					}})
					attempts = 0
					var reply []byte
					var from rpcx.Peer
					err := x.Call(context.Background(), "M", []byte("x"), &reply, client.WithPeer(&from))
					if copied && from.Addr == nil {
						t.Error("the peer of the call is not known")
					}
					if copied && (err != nil || string(reply) != "second") {
						t.Errorf("got %q, %v", reply, err)
					}
					if !copied && (err == nil || !strings.Contains(err.Error(), "pass on a copy") || !strings.Contains(err.Error(), "too slow") || rpcx.SafeToRetry(err)) {
						t.Errorf("got %q, %v", reply, err)
					}
					close(released)
					if err := <-ended; err != nil {
						t.Errorf("what was left: %v", err)
					}
				})
			})
		}
	}
}

// What was left running has the time that the call had, whatever its caller's context is.
func TestLeftRunningHasItsTime(t *testing.T) {
	t.Parallel()
	for name, until := range map[string]func() (context.Context, context.CancelFunc){
		"background": func() (context.Context, context.CancelFunc) { return context.Background(), func() {} },
		"cancelable": func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ended := make(chan error, 1)
				sent := 0
				x := newPeer(t).knowing(func(w *wire, m *protocol.Message) {
					time.Sleep(time.Second)
					if sent++; sent == 1 {
						w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted())
						return
					}
					w.reply(m, "late")
				}, client.Failtry, client.Option{Interceptors: []rpcx.Interceptor{
					unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
						if c.Method == "Hello" {
							return next(ctx, c)
						}
						mine := *c
						mine.Reply = new([]byte)
						go func() { ended <- next(ctx, &mine) }()
						synctest.Wait()
						return nil
					}),
				}})
				ctx, cancel := until()
				defer cancel()
				if err := x.Call(ctx, "M", []byte("x"), new([]byte), client.WithTimeout(time.Minute)); err != nil {
					t.Fatal(err)
				}
				if err := <-ended; err != nil || sent != 2 {
					t.Errorf("sent %d times: %v", sent, err)
				}
			})
		})
	}
}

// Copies are attempts as others: they are counted, and go where the call does.
func TestCopiesCount(t *testing.T) {
	t.Parallel()
	twice := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		first, second := *c, *c
		return errors.Join(next(ctx, &first), next(ctx, &second))
	})
	once := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		mine := *c
		return next(ctx, &mine)
	})
	seen := newWatcher()
	f := newFleet(t, ok, ok)
	x := f.client(client.Failfast, client.Option{
		Observer: seen, Interceptors: []rpcx.Interceptor{twice}, AttemptInterceptors: []rpcx.Interceptor{once},
	})
	if err := x.Call(t.Context(), "M", []byte("id"), new([]byte)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{0, 1, 2} {
		if info := receive(t, seen.starts, "a start"); info.Attempt != want {
			t.Errorf("attempt %d is said to be attempt %d", want, info.Attempt)
		}
	}
	if err := x.Broadcast(t.Context(), "M", []byte("id"), new([]byte)); err != nil {
		t.Fatal(err)
	}
	if got := f.seen(); got[0]+got[1] != 2+2*2 || got[0] < 2 || got[1] < 2 {
		t.Errorf("the servers got %v calls", got)
	}
}

// An attempt is over when its interceptor has returned: what comes too late is not sent.
func TestPassedOnTooLate(t *testing.T) {
	t.Parallel()
	var late func() error
	keep := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
		switch {
		case c.Method == "Hello":
		case late == nil:
			late = func() error { return next(ctx, c) }
			return rpcx.Errorf(rpcx.Unavailable, "not now")
		default:
			wantError(t, late(), rpcx.Internal, true)
		}
		return next(ctx, c)
	})
	sent := 0
	x := newPeer(t).knowing(func(w *wire, m *protocol.Message) { sent++; w.reply(m, "ok") },
		client.Failtry, client.Option{AttemptInterceptors: []rpcx.Interceptor{keep}})
	if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil || sent != 1 {
		t.Errorf("sent %d times, %v", sent, err)
	}
}
