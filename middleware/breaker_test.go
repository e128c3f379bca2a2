// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
)

func TestBreakerStopsAndResumes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log lines
		down, ran := true, 0
		call := around(middleware.Breaker(middleware.BreakerConfig{Logger: log.logger()}), func(context.Context, *rpcx.Call) error {
			ran++
			if down {
				return rpcx.Errorf(rpcx.Unavailable, "down")
			}
			return nil
		})
		for range 5 {
			if err := call(t.Context(), served("")); err == nil || err.Error() != "down" {
				t.Fatalf("error %v, want the call's own", err)
			}
		}
		e := wantRefused(t, call(t.Context(), served("")), rpcx.Unavailable)
		if e.Pause() != time.Second || ran != 5 {
			t.Errorf("asked to wait %v, %d calls ran", e.Pause(), ran)
		}
		other := served("")
		other.Method = "Div"
		if err := call(t.Context(), other); err == nil || err.Error() != "down" {
			t.Errorf("another method shares the fate: %v", err)
		}
		time.Sleep(time.Second)
		down = false
		for i := range 2 {
			if err := call(t.Context(), served("")); err != nil {
				t.Errorf("call %d after the pause: %v", i, err)
			}
		}
		got := log.take(t)
		if len(got) != 2 || got[0]["msg"] != "breaker stops calls" || got[0]["key"] != "Arith.Mul" || got[1]["msg"] != "breaker lets calls pass again" {
			t.Errorf("logged %v", got)
		}
	})
}

func TestBreakerJudgesErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err   error
		stops bool
	}{
		{rpcx.Unavailable, true},
		{rpcx.DeadlineExceeded, true},
		{rpcx.ResourceExhausted, true},
		{rpcx.Internal, true},
		{rpcx.DataLoss, true},
		{context.DeadlineExceeded, true},
		{nil, false},
		{rpcx.NotFound, false},
		{rpcx.InvalidArgument, false},
		{rpcx.PermissionDenied, false},
		{errors.New("what services of rpcx return for everything"), false},
		{context.Canceled, false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.err), func(t *testing.T) {
			t.Parallel()
			ran := 0
			call := around(middleware.Breaker(middleware.BreakerConfig{Logger: quiet()}), func(context.Context, *rpcx.Call) error {
				ran++
				return tt.err
			})
			for range 50 {
				_ = call(t.Context(), served(""))
			}
			if stopped := ran < 50; stopped != tt.stops {
				t.Errorf("%d of 50 calls ran", ran)
			}
		})
	}
}

func TestBreakerConfig(t *testing.T) {
	t.Parallel()
	ran := 0
	mine := errors.New("mine")
	call := around(middleware.Breaker(middleware.BreakerConfig{
		Consecutive: 2,
		Failed:      func(err error) bool { return err == mine },
		Key:         func(*rpcx.Call) string { return "all" },
		Logger:      quiet(),
	}), func(context.Context, *rpcx.Call) error {
		ran++
		return mine
	})
	for i := range 10 {
		c := served("")
		c.Method = fmt.Sprint(i)
		_ = call(t.Context(), c)
	}
	if ran != 2 {
		t.Errorf("%d calls ran, want 2", ran)
	}
}

// Names may come from strangers, through a gateway: what is kept of them is bounded.
func TestBreakerRemembersFewKeys(t *testing.T) {
	t.Parallel()
	ran := 0
	call := around(middleware.Breaker(middleware.BreakerConfig{MaxKeys: 2, Logger: quiet()}), func(_ context.Context, c *rpcx.Call) error {
		ran++
		return rpcx.Unavailable
	})
	for i := range 100 {
		c := served("")
		c.Method = fmt.Sprint(i)
		_ = call(t.Context(), c)
	}
	if ran != 2+5 {
		t.Errorf("%d calls ran, want those of two methods and five of all others", ran)
	}
}

// A panic is a failure, and gives the probe back.
func TestBreakerCountsPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		panics := true
		call := around(middleware.Breaker(middleware.BreakerConfig{Consecutive: 1, Logger: quiet()}), func(context.Context, *rpcx.Call) error {
			if panics {
				panic("no")
			}
			return nil
		})
		try := func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = fmt.Errorf("panic: %v", r)
				}
			}()
			return call(t.Context(), served(""))
		}
		if err := try(); err == nil || err.Error() != "panic: no" {
			t.Fatalf("error %v", err)
		}
		wantRefused(t, try(), rpcx.Unavailable)
		time.Sleep(time.Second)
		panics = false
		if err := try(); err != nil {
			t.Errorf("after the pause: %v", err)
		}
	})
}

func TestBreakerOfAClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := rpctest.NewServer(t)
		if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
			t.Fatal(err)
		}
		x := s.Client(t, "Arith", client.Option{Interceptors: []rpcx.Interceptor{
			middleware.Breaker(middleware.BreakerConfig{Logger: quiet()}),
		}})
		var err error
		for range 6 {
			err = x.Call(t.Context(), "Fail", &Args{}, new(Reply))
		}
		if e := wantRefused(t, err, rpcx.Unavailable); e.Remote() {
			t.Errorf("the sixth call was sent: %v", e)
		}
		if err := x.Call(t.Context(), "Mul", &Args{}, new(Reply)); err != nil {
			t.Errorf("the service's other methods: %v", err)
		}
	})
}
