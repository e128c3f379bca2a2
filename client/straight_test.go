// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"slices"
	"strings"
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

// around runs f with what may be around a call: it decides how much the call holds while it
// waits, and must change nothing else.
func around(t *testing.T, f func(t *testing.T, opt client.Option)) {
	t.Helper()
	idle := rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc { return next }}
	for name, opt := range map[string]client.Option{
		"nothing":                {},
		"an observer":            {Observer: silent{}},
		"an interceptor":         {Interceptors: []rpcx.Interceptor{idle}},
		"an attempt interceptor": {AttemptInterceptors: []rpcx.Interceptor{idle}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, opt)
		})
	}
}

// knowing returns a client that has made a call, and so found out who the servers are: the first
// attempts of further calls are made straight.
func (p *peer) knowing(answer func(*wire, *protocol.Message), mode client.FailMode, opt client.Option) *client.XClient {
	p.t.Helper()
	p.answer(func(w *wire, m *protocol.Message) {
		if m.Method == "Hello" {
			w.reply(m, "hello")
			return
		}
		answer(w, m)
	})
	x := p.client(mode, opt)
	if err := x.Call(context.Background(), "Hello", []byte("x"), new([]byte)); err != nil {
		p.t.Fatal(err)
	}
	return x
}

// A call whose first attempt failed goes on as it began: with its metadata and token, and what
// is left of its time.
func TestFirstAttemptFails(t *testing.T) {
	t.Parallel()
	around(t, func(t *testing.T, opt client.Option) {
		for _, mode := range []client.FailMode{client.Failtry, client.Failover} {
			t.Run(mode.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := newPeer(t)
					var sent []*protocol.Message
					x := p.knowing(func(w *wire, m *protocol.Message) {
						sent = append(sent, m)
						if len(sent) == 1 {
							time.Sleep(400 * time.Millisecond)
							w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted())
							return
						}
						w.reply(m, "ok")
					}, mode, opt)
					x.Auth("bearer T")
					ctx := rpcx.WithMetadata(context.Background(), rpcx.Pairs("a", "1"))
					var reply []byte
					err := x.Call(ctx, "M", []byte("id"), &reply, client.WithTimeout(time.Second), client.WithMetadata(rpcx.Pairs("b", "2")))
					synctest.Wait()
					if err != nil || string(reply) != "ok" || len(sent) != 2 {
						t.Fatalf("sent %d times: %q, %v", len(sent), reply, err)
					}
					for i, m := range sent {
						md := m.Metadata
						if md.Get("a") != "1" || md.Get("b") != "2" || md.Get(authKey) != "bearer T" || string(m.Payload) != "id" {
							t.Errorf("attempt %d: %q with %v", i+1, m.Payload, md.Map())
						}
					}
					first, second := sent[0].Metadata.Get(timeoutKey), sent[1].Metadata.Get(timeoutKey)
					if first != "1000" || second > "600" || len(second) != 3 {
						t.Errorf("there were %s ms for the first attempt and %s for the second", first, second)
					}
				})
			})
		}
	})
}

// The time of a call is up when it is, whichever attempt is under way.
func TestTimeoutAfterFirstAttempt(t *testing.T) {
	t.Parallel()
	around(t, func(t *testing.T, opt client.Option) {
		synctest.Test(t, func(t *testing.T) {
			p := newPeer(t)
			calls := 0
			x := p.knowing(func(w *wire, m *protocol.Message) {
				if calls++; calls == 1 {
					time.Sleep(400 * time.Millisecond)
					w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted())
				}
			}, client.Failtry, opt)
			began := time.Now()
			err := x.Call(context.Background(), "M", []byte("id"), new([]byte), client.WithTimeout(time.Second))
			took := time.Since(began)
			synctest.Wait()
			if took != time.Second || calls != 2 {
				t.Errorf("%d attempts in %v, want 2 in 1s", calls, took)
			}
			wantError(t, err, rpcx.DeadlineExceeded, false)
			for _, part := range []string{"failed 2 times", "busy", "S.M", context.DeadlineExceeded.Error()} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
		})
	})
}

// An observer is told of an attempt's end however it ends, and once.
func TestObserverOfFirstAttempt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args, reply any
		want        []rpcx.Code // of the attempts and the call
		panics      bool
	}{
		"answered":          {[]byte("x"), new([]byte), []rpcx.Code{0, 0}, false},
		"cannot be encoded": {make(chan int), new([]byte), []rpcx.Code{rpcx.InvalidArgument, rpcx.InvalidArgument}, false},
		"encoder panics":    {explosive{}, new([]byte), []rpcx.Code{rpcx.Internal, rpcx.Internal}, true},
		"decoder panics":    {[]byte("x"), new(exploding), []rpcx.Code{rpcx.Internal, rpcx.Internal}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			w := newWatcher()
			x := p.knowing(func(w *wire, m *protocol.Message) { w.reply(m, `"eA=="`) }, client.Failtry, client.Option{Observer: w})
			for range 2 { // attempt and call
				<-w.starts
				<-w.ends
			}
			panicked := func() (panicked bool) {
				defer func() { panicked = recover() != nil }()
				_ = x.Call(t.Context(), "M", tt.args, tt.reply, client.WithSerializeType(protocol.JSON))
				return false
			}()
			var got []rpcx.Code
			for len(w.ends) > 0 {
				end := <-w.ends
				got = append(got, rpcx.CodeOf(end.result.Err))
			}
			if panicked != tt.panics || len(w.starts) != len(tt.want) || !slices.Equal(got, tt.want) {
				t.Errorf("panicked: %v; %d began and %v ended, want %v", panicked, len(w.starts), got, tt.want)
			}
		})
	}
}

// What is said and told of a call that is made straight is what is of any other.
func TestStraightAsOthers(t *testing.T) {
	t.Parallel()
	policies := map[string]balance.Policy{"straight": nil, "learning": new(learner)}
	answer := func(w *wire, m *protocol.Message) {
		if !m.Oneway {
			w.reply(m, "ok")
		}
	}
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			around(t, func(t *testing.T, opt client.Option) {
				opt.Balance = policy
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					x := newPeer(t).knowing(func(w *wire, m *protocol.Message) { sent++; answer(w, m) }, client.Failtry, opt)
					var peer rpcx.Peer
					if err := x.Call(context.Background(), "M", []byte("x"), new([]byte), client.WithPeer(&peer)); err != nil || peer.Addr == nil {
						t.Errorf("a call: peer %v, %v", peer, err)
					}
					err := x.Oneshot(context.Background(), "M", []byte("x"))
					synctest.Wait()
					if err != nil || sent != 2 {
						t.Errorf("a one-way call: %v; sent %d times with the call before", err, sent)
					}
				})
			})
		})
		t.Run("observer of "+name, func(t *testing.T) {
			t.Parallel()
			w := newWatcher()
			x := newPeer(t).knowing(func(w *wire, m *protocol.Message) { w.reply(m, "{}") }, client.Failfast, client.Option{Observer: w, Balance: policy})
			if err := x.Call(t.Context(), "M", []byte("four"), new([]byte)); err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { _ = recover() }()
				_ = x.Call(t.Context(), "M", []byte("ok"), new(exploding), client.WithSerializeType(protocol.JSON))
			}()
			var ends []callEnd
			for range 6 {
				ends = append(ends, <-w.ends)
			}
			if e := ends[2]; e.info.Attempt != 1 || e.result.RequestBytes != 4 || e.result.ReplyBytes != 2 || e.result.Duration <= 0 {
				t.Errorf("the attempt ended as %+v of %+v", e.result, e.info)
			}
			if e := ends[4]; e.info.Attempt != 1 || e.result.RequestBytes != len(`"b2s="`) || rpcx.CodeOf(e.result.Err) != rpcx.Internal {
				t.Errorf("the attempt that could not be decoded ended as %+v of %+v", e.result, e.info)
			}
		})
		t.Run("time of "+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := newPeer(t).knowing(func(*wire, *protocol.Message) {}, client.Failfast, client.Option{Observer: hasty{}, Balance: policy})
				began := time.Now()
				err := x.Call(context.Background(), "M", []byte("x"), new([]byte), client.WithTimeout(time.Minute))
				wantError(t, err, rpcx.DeadlineExceeded, false)
				if took := time.Since(began); took != time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// A policy that learns is told of all attempts.
func TestLearningPolicyIsTold(t *testing.T) {
	t.Parallel()
	around(t, func(t *testing.T, opt client.Option) {
		l := new(learner)
		opt.Balance = l
		x := newPeer(t).knowing(func(w *wire, m *protocol.Message) { w.reply(m, "ok") }, client.Failfast, opt)
		if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil || l.begun.Load() != 2 || l.ended.Load() != 2 {
			t.Errorf("%d attempts began and %d ended, %v", l.begun.Load(), l.ended.Load(), err)
		}
	})
}

// learner is a policy with one server that counts what it is told.
type learner struct{ begun, ended atomic.Int64 }

func (l *learner) NewPicker([]registry.Instance, balance.Picker) balance.Picker { return l }

func (*learner) Pick(context.Context, *rpcx.Call, func(int) bool) int { return 0 }

func (l *learner) Begin(int) { l.begun.Add(1) }

func (l *learner) End(int, balance.Outcome) { l.ended.Add(1) }

// hasty is an observer that gives attempts a second.
type hasty struct{ silent }

func (hasty) CallStart(ctx context.Context, c *rpcx.CallInfo) context.Context {
	if c.Attempt == 0 || c.Method == "Hello" {
		return ctx
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	_ = cancel // it ends by itself
	return ctx
}

// exploding panics when it is decoded.
type exploding struct{}

func (*exploding) UnmarshalJSON([]byte) error { panic("exploding") }

// A call that was sent has not failed unexecuted when the client is closed.
func TestCloseDuringFirstAttempt(t *testing.T) {
	t.Parallel()
	around(t, func(t *testing.T, opt client.Option) {
		synctest.Test(t, func(t *testing.T) {
			p := newPeer(t)
			x := p.knowing(func(*wire, *protocol.Message) {}, client.Failtry, opt)
			done := make(chan error, 1)
			go func() { done <- x.Call(context.Background(), "M", []byte("id"), new([]byte)) }()
			synctest.Wait()
			_ = x.Close()
			wantError(t, <-done, rpcx.Canceled, false)
		})
	})
}

// The context that a policy is given has ended when the call has, also if it waits for that, which
// it may not.
func TestContextEndsWithTheCall(t *testing.T) {
	t.Parallel()
	around(t, func(t *testing.T, opt client.Option) {
		p := newPeer(t)
		k := new(keeper)
		opt.Balance = k
		x := p.knowing(func(w *wire, m *protocol.Message) { w.reply(m, "ok") }, client.Failfast, opt)
		if err := x.Call(context.Background(), "M", []byte("x"), new([]byte), client.WithTimeout(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if k.ctx.Err() == nil {
			t.Error("it goes on")
		}
	})
}

// keeper is a policy with one server that keeps the contexts of calls, and waits for their end.
type keeper struct {
	ctx context.Context //nolint:containedctx // of the last call
}

func (k *keeper) NewPicker([]registry.Instance, balance.Picker) balance.Picker { return k }

func (k *keeper) Pick(ctx context.Context, _ *rpcx.Call, _ func(int) bool) int {
	k.ctx = ctx
	_ = ctx.Done()
	return 0
}
