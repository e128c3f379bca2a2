// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// shop is a method that serves ten at a time, each for 20 ms: five hundred a second.
type shop struct{ counters chan struct{} }

func newShop() *shop { return &shop{counters: make(chan struct{}, 10)} }

// empty waits, in virtual time, until those are served who wait no matter what.
func (s *shop) empty() { time.Sleep(time.Minute) }

// serve lets those wait who are too many. Like most code that waits for a lock, it does
// not notice when its caller is gone.
func (s *shop) serve(context.Context, *Args, *Reply) error {
	s.counters <- struct{}{}
	time.Sleep(20 * time.Millisecond)
	<-s.counters
	return nil
}

// crowd is callers that come at a fixed rate, whether or not others still wait.
type crowd struct {
	conns []*client.Conn
	every time.Duration

	mu            sync.Mutex // guards what follows
	good, refused int
	slowest       time.Duration // refusal
	wrong         error         // neither in time, nor refused, nor too late
}

func (w *world) crowd(t *testing.T, every time.Duration, conns int) *crowd {
	c := &crowd{every: every}
	for range conns {
		c.conns = append(c.conns, w.conn(t, client.Option{}))
	}
	return c
}

// come calls for a while, in virtual time, and waits for the outcomes.
func (c *crowd) come(ctx context.Context, length time.Duration) {
	c.good, c.refused, c.slowest, c.wrong = 0, 0, 0, nil
	var wg sync.WaitGroup
	ticker := time.NewTicker(c.every)
	defer ticker.Stop()
	for i := range int(length / c.every) {
		<-ticker.C
		wg.Go(func() { c.call(ctx, c.conns[i%len(c.conns)]) })
	}
	wg.Wait()
}

func (c *crowd) call(ctx context.Context, conn *client.Conn) {
	began := time.Now()
	err := conn.Call(ctx, "S", "M", Args{}, new(Reply), client.WithTimeout(200*time.Millisecond))
	took := time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch code := rpcx.CodeOf(err); {
	case err == nil:
		c.good++
	case code == rpcx.ResourceExhausted && rpcx.SafeToRetry(err):
		c.refused++
		c.slowest = max(c.slowest, took)
	case code != rpcx.DeadlineExceeded:
		c.wrong = err
	}
}

// Ten times as many calls as a method can serve leave it serving nearly as many as it
// can, and the others are told at once. When they are gone, so is the limit.
func TestOverload(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		conns int
	}{{"one connection", 1}, {"some connections", 8}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGuardian()
				shop := newShop()
				defer shop.empty()
				w := inMemory(t, server.WithObserver(g)).handle("M", shop.serve)
				w.crowd(t, 4*time.Millisecond, tt.conns).come(t.Context(), time.Second)
				if n := w.Stats().RefusedCalls; n > 0 {
					t.Fatalf("%d calls were refused at half load", n)
				}
				c := w.crowd(t, 200*time.Microsecond, tt.conns)
				c.come(t.Context(), 2*time.Second) // the onset
				c.come(t.Context(), time.Second)
				if c.good < 400 || c.slowest > 10*time.Millisecond || c.wrong != nil {
					t.Errorf("of 5,000 calls %d were answered in time, want 400, and %d refused, the slowest after %v; and %v",
						c.good, c.refused, c.slowest, c.wrong)
				}
				if g.count("concurrency limit set S.M") != 1 || g.count("call refused S.M") == 0 {
					t.Errorf("told %v", g.told)
				}
				after := w.crowd(t, 4*time.Millisecond, tt.conns)
				after.come(t.Context(), 15*time.Second)
				if after.refused > 0 || after.good < 3740 {
					t.Errorf("after it %d of 3,750 calls were answered in time and %d refused", after.good, after.refused)
				}
				if g.count("concurrency limit lifted S.M") != 1 {
					t.Errorf("told %v", g.told)
				}
			})
		})
	}
}

// Without the limit the same load leaves little: the test above could fail.
func TestOverloadWithoutLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		defer shop.empty()
		w := inMemory(t, server.WithAdaptiveLimit(server.AdaptiveLimit{Off: true})).handle("M", shop.serve)
		c := w.crowd(t, 200*time.Microsecond, 8)
		c.come(t.Context(), time.Second)
		c.come(t.Context(), time.Second)
		if c.good > 250 {
			t.Errorf("%d of the 500 calls that the method can serve were answered in time", c.good)
		}
	})
}

// Other methods of an overloaded server are served as ever.
func TestOverloadIsOfOneMethod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		defer shop.empty()
		w := inMemory(t).handle("M", shop.serve).arith()
		w.handle("slow", func(context.Context, *Args, *Reply) error { time.Sleep(50 * time.Millisecond); return nil })
		other := w.client(t, "S", client.Option{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.crowd(t, 200*time.Microsecond, 4).come(t.Context(), time.Second)
		}()
		for range 20 {
			if err := other.Call(t.Context(), "slow", Args{}, new(Reply), client.WithTimeout(100*time.Millisecond)); err != nil {
				t.Error(err)
			}
		}
		<-done
	})
}

// When the server is full, calls of low priority are refused before others.
func TestPriority(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBlocker()
		w := inMemory(t, server.WithLimits(server.Limits{Handlers: 4})).handle("M", b.handle)
		p := w.dial(t)
		for i := range uint64(3) {
			p.send(numbered(i, request("S", "M", `{}`)))
			<-b.began
		}
		eventually(t, "the handlers are in the pool", func() bool { return w.Stats().Handlers == 3 })
		for _, priority := range []string{"low", "normal", "low"} {
			p.send(numbered(10, with(request("S", "M", `{}`), "__rpcx_priority", priority)))
			if priority == "low" {
				if got := p.receive(); got.Seq != 10 || errorCode(got) == "" || !strings.Contains(errorText(got), "overloaded") {
					t.Errorf("a call of low priority is answered with %d %v", got.Seq, got.Metadata.Map())
				}
				continue
			}
			<-b.began
		}
		p.send(numbered(11, with(request("S", "M", `{}`), "__rpcx_priority", "high")))
		if got := p.receive(); got.Seq != 11 || errorCode(got) == "" {
			t.Errorf("the limit of the server gives way: %d %v", got.Seq, got.Metadata.Map())
		}
		close(b.release)
		for range 4 {
			if got := p.receive(); got.Status != protocol.Normal {
				t.Errorf("a call that was let in: %v", got.Metadata.Map())
			}
		}
	})
}

// Under the limit of a method too.
func TestPriorityUnderOverload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		defer shop.empty()
		w := inMemory(t).handle("M", shop.serve)
		w.crowd(t, 4*time.Millisecond, 1).come(t.Context(), time.Second)
		var all [3]*crowd
		var wg sync.WaitGroup
		for i := range all {
			c := w.crowd(t, 600*time.Microsecond, 2)
			all[i] = c
			ctx := rpcx.WithPriority(t.Context(), rpcx.Priority(i-1))
			wg.Go(func() {
				c.come(ctx, 2*time.Second)
				c.come(ctx, time.Second)
			})
		}
		wg.Wait()
		low, normal, high := all[0].good, all[1].good, all[2].good
		if low*10 > normal+high || normal > high || low+normal+high < 400 {
			t.Errorf("answered in time: %d low, %d normal, %d high", low, normal, high)
		}
	})
}

func TestAdaptiveLimitIsChecked(t *testing.T) {
	t.Parallel()
	for _, a := range []server.AdaptiveLimit{{Tolerance: 1}, {Tolerance: -2}, {Min: -1}} {
		s := server.NewServer(server.WithAdaptiveLimit(a))
		if err := s.Serve("tcp", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "adaptive limit") {
			t.Errorf("%+v: %v", a, err)
		}
	}
}
