// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

func TestRateLimitBurstAndRefill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log lines
		call := around(middleware.RateLimit(middleware.RateLimitConfig{Rate: 10, Burst: 3, Logger: log.logger()}), succeed)
		ctx := t.Context()
		for i := range 3 {
			if err := call(ctx, served("10.0.0.1")); err != nil {
				t.Fatalf("call %d of the burst: %v", i, err)
			}
		}
		e := wantRefused(t, call(ctx, served("10.0.0.1")), rpcx.ResourceExhausted)
		if e.Pause() != 100*time.Millisecond {
			t.Errorf("asked to wait %v, want the time of one token", e.Pause())
		}
		if err := call(ctx, served("10.0.0.2")); err != nil {
			t.Errorf("another peer pays for the first: %v", err)
		}
		time.Sleep(e.Pause())
		if err := call(ctx, served("10.0.0.1")); err != nil {
			t.Errorf("after the pause that was asked for: %v", err)
		}
		wantRefused(t, call(ctx, served("10.0.0.1")), rpcx.ResourceExhausted)
		time.Sleep(time.Hour) // a long rest is worth one burst, not more
		passed := 0
		for range 10 {
			if call(ctx, served("10.0.0.1")) == nil {
				passed++
			}
		}
		if passed != 3 {
			t.Errorf("%d calls passed after a rest, want 3", passed)
		}
		got := log.take(t)
		if len(got) != 2 || got[0]["key"] != "10.0.0.1" || got[0]["method"] != "Arith.Mul" {
			t.Errorf("logged %v", got)
		}
	})
}

func TestRateLimitInTheLongRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		call := around(middleware.RateLimit(middleware.RateLimitConfig{Rate: 50, Burst: 5, Logger: quiet()}), succeed)
		passed := 0
		for range 10_000 { // for 10 seconds
			if call(t.Context(), served("")) == nil {
				passed++
			}
			time.Sleep(time.Millisecond)
		}
		if want := 10*50 + 5; passed < want-1 || passed > want {
			t.Errorf("%d calls passed, want %d", passed, want)
		}
	})
}

func TestRateLimitDefaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		call := around(middleware.RateLimit(middleware.RateLimitConfig{Logger: quiet()}), succeed)
		passed := 0
		for range 2000 {
			if call(t.Context(), served("10.0.0.1")) == nil {
				passed++
			}
		}
		if passed != 1000 {
			t.Errorf("%d calls passed at once, want 1000", passed)
		}
	})
}

func TestRateLimitSlowerThanOneASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		call := around(middleware.RateLimit(middleware.RateLimitConfig{Rate: 0.1, Logger: quiet()}), succeed)
		if err := call(t.Context(), served("")); err != nil {
			t.Fatal(err)
		}
		if e := wantRefused(t, call(t.Context(), served("")), rpcx.ResourceExhausted); e.Pause() != 10*time.Second {
			t.Errorf("asked to wait %v", e.Pause())
		}
	})
}

// Peers choose keys: those that are remembered must be few, and a known peer must not
// pay for strangers.
func TestRateLimitRemembersFewKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		call := around(middleware.RateLimit(middleware.RateLimitConfig{Rate: 1, Burst: 2, MaxKeys: 3, Logger: quiet()}), succeed)
		ctx := t.Context()
		from := func(i int) *rpcx.Call { return served(fmt.Sprintf("10.0.0.%d", i)) }
		for i := range 3 {
			if err := call(ctx, from(i)); err != nil {
				t.Fatal(err)
			}
		}
		passed := 0
		for i := 3; i < 200; i++ { // all of them share one limit
			if call(ctx, from(i)) == nil {
				passed++
			}
		}
		if passed != 2 {
			t.Errorf("%d calls of strangers passed, want 2", passed)
		}
		if err := call(ctx, from(0)); err != nil {
			t.Errorf("a known peer pays for strangers: %v", err)
		}
		time.Sleep(10 * time.Second) // now nobody is busy, and there is room again
		for i := 100; i < 103; i++ {
			for range 2 {
				if err := call(ctx, from(i)); err != nil {
					t.Errorf("peer %d: %v", i, err)
				}
			}
		}
	})
}

func TestRateLimitConcurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		call := around(middleware.RateLimit(middleware.RateLimitConfig{Rate: 1, Burst: 100, Logger: quiet()}), succeed)
		var wg sync.WaitGroup
		var mu sync.Mutex
		passed := 0
		for range 8 {
			wg.Go(func() {
				for range 50 {
					if call(t.Context(), served("")) == nil {
						mu.Lock()
						passed++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		if passed != 100 {
			t.Errorf("%d calls passed, want 100", passed)
		}
	})
}

// R21: what an interceptor refuses does not run, and the caller is told why.
func TestR21_RefusalIsHonoured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		arith := new(Arith)
		limit := middleware.RateLimit(middleware.RateLimitConfig{Rate: 1, Burst: 1, Logger: quiet()})
		x := rpctest.Serve(t, "Arith", arith, server.WithInterceptor(limit))
		for i := range 3 {
			reply := new(Reply)
			err := x.Call(t.Context(), "Mul", &Args{6, 7}, reply)
			if i == 0 {
				if err != nil || reply.C != 42 {
					t.Fatalf("first call: %v, %v", reply, err)
				}
				continue
			}
			if e := wantRefused(t, err, rpcx.ResourceExhausted); !e.Remote() || e.Pause() != time.Second {
				t.Errorf("error %v: remote %v, pause %v", e, e.Remote(), e.Pause())
			}
			if reply.C != 0 {
				t.Error("a refused call has a reply")
			}
		}
		if got := arith.runs(); got != 1 {
			t.Errorf("%d calls ran, want 1", got)
		}
	})
}

// R29: a call that is refused costs its own error and nothing else: the connection stays.
func TestR29_RefusalKeepsTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := rpctest.NewServer(t, server.WithInterceptor(
			middleware.RateLimit(middleware.RateLimitConfig{Rate: 1, Burst: 1, Logger: quiet()})))
		if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
			t.Fatal(err)
		}
		c := s.Dial(t, client.Option{})
		call := func() error { return c.Call(t.Context(), "Arith", "Mul", &Args{6, 7}, new(Reply)) }
		if err := call(); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, call(), rpcx.ResourceExhausted)
		time.Sleep(time.Second)
		if err := call(); err != nil {
			t.Errorf("the same connection, a second later: %v", err)
		}
	})
}

// R30: heartbeats cost no token and are answered, however tight the limit.
func TestR30_HeartbeatsAreNoCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := rpctest.NewServer(t, server.WithInterceptor(
			middleware.RateLimit(middleware.RateLimitConfig{Rate: 0.001, Burst: 2, Logger: quiet()})))
		if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
			t.Fatal(err)
		}
		c := s.Dial(t, client.Option{Heartbeat: true, HeartbeatInterval: 100 * time.Millisecond, MaxWaitForHeartbeat: 200 * time.Millisecond})
		time.Sleep(10 * time.Second) // a hundred of them
		for range 2 {
			if err := c.Call(t.Context(), "Arith", "Mul", &Args{6, 7}, new(Reply)); err != nil {
				t.Fatalf("an idle client was charged or cut off: %v", err)
			}
		}
		wantRefused(t, c.Call(t.Context(), "Arith", "Mul", &Args{6, 7}, new(Reply)), rpcx.ResourceExhausted)
	})
}

// R34: metrics and a limit at once: a limited call is answered, and counted.
func TestR34_LimitedCallsAreMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := new(counter)
		x := rpctest.Serve(t, "Arith", new(Arith), server.WithObserver(o), server.WithInterceptor(
			middleware.RateLimit(middleware.RateLimitConfig{Rate: 1, Burst: 1, Logger: quiet()})))
		for range 3 {
			_ = x.Call(t.Context(), "Mul", &Args{6, 7}, new(Reply))
		}
		if ok, limited := o.count(0), o.count(rpcx.ResourceExhausted); ok != 1 || limited != 2 {
			t.Errorf("counted %d good and %d limited calls, want 1 and 2", ok, limited)
		}
	})
}

func TestRateLimitOfAClient(t *testing.T) {
	t.Parallel()
	limit := middleware.RateLimit(middleware.RateLimitConfig{Rate: 1, Burst: 1, Logger: quiet()})
	call := around(limit, succeed)
	c := &rpcx.Call{Side: rpcx.ClientSide, Service: "Arith", Method: "Mul"}
	if err := call(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, call(t.Context(), c), rpcx.ResourceExhausted)
}

func BenchmarkRateLimit(b *testing.B) {
	call := around(middleware.RateLimit(middleware.RateLimitConfig{Rate: 1e9, Logger: quiet()}), succeed)
	c := served("10.0.0.1")
	for b.Loop() {
		_ = call(context.Background(), c)
	}
}
