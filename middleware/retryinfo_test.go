// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

func TestRetryInfo(t *testing.T) {
	t.Parallel()
	busy := rpcx.Errorf(rpcx.ResourceExhausted, "busy")
	tests := []struct {
		name   string
		config middleware.RetryInfoConfig
		err    error // of the first two tries
		within time.Duration
		tries  int
		pauses time.Duration // at least; at most a tenth more
	}{
		{"as asked", middleware.RetryInfoConfig{}, busy.NotExecuted().WithPause(time.Second), 0, 3, 2 * time.Second},
		{"fewer tries", middleware.RetryInfoConfig{Tries: 2}, busy.NotExecuted().WithPause(time.Second), 0, 2, time.Second},
		{"not asked", middleware.RetryInfoConfig{}, busy.NotExecuted(), 0, 1, 0},
		{"it may have run", middleware.RetryInfoConfig{}, busy.WithPause(time.Second), 0, 1, 0},
		{"too long", middleware.RetryInfoConfig{MaxPause: time.Second}, busy.NotExecuted().WithPause(2 * time.Second), 0, 1, 0},
		{"longer than the deadline", middleware.RetryInfoConfig{}, busy.NotExecuted().WithPause(time.Second), time.Second, 1, 0},
		{"time for one", middleware.RetryInfoConfig{}, busy.NotExecuted().WithPause(time.Second), 2 * time.Second, 2, time.Second},
		{"another error", middleware.RetryInfoConfig{}, errors.New("no"), 0, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.within > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.within)
					defer cancel()
				}
				var log lines
				tt.config.Logger = log.logger()
				tries, began := 0, time.Now()
				err := around(middleware.RetryInfo(tt.config), func(context.Context, *rpcx.Call) error {
					if tries++; tries <= 2 {
						return tt.err
					}
					return nil
				})(ctx, &rpcx.Call{Side: rpcx.ClientSide})
				if tries != tt.tries || (err == nil) != (tries == 3) {
					t.Errorf("%d tries, want %d; error %v", tries, tt.tries, err)
				}
				if took := time.Since(began); took < tt.pauses || took > tt.pauses+tt.pauses/10+10 {
					t.Errorf("took %v, want %v and at most a tenth more", took, tt.pauses)
				}
				if got := log.take(t); len(got) != tries-1 {
					t.Errorf("logged %v", got)
				}
			})
		})
	}
}

// Who gives the call up during a pause does not wait for its end.
func TestRetryInfoCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		want := rpcx.Errorf(rpcx.Unavailable, "busy").NotExecuted().WithPause(3 * time.Second)
		err := around(middleware.RetryInfo(middleware.RetryInfoConfig{Logger: quiet()}), func(context.Context, *rpcx.Call) error { return want })(ctx, served(""))
		if took := time.Since(began); took != time.Second || err != want {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// The two rules together: a client that is too fast slows down instead of failing.
func TestRetryInfoHonoursARateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := rpctest.NewServer(t, server.WithInterceptor(
			middleware.RateLimit(middleware.RateLimitConfig{Rate: 10, Burst: 1, Logger: quiet()})))
		arith := new(Arith)
		if err := s.RegisterName("Arith", arith, ""); err != nil {
			t.Fatal(err)
		}
		x := s.Client(t, "Arith", client.Option{Interceptors: []rpcx.Interceptor{middleware.RetryInfo(middleware.RetryInfoConfig{Logger: quiet()})}})
		began := time.Now()
		for range 10 {
			reply := new(Reply)
			if err := x.Call(t.Context(), "Mul", &Args{6, 7}, reply); err != nil || reply.C != 42 {
				t.Fatalf("%d, %v", reply.C, err)
			}
		}
		if took := time.Since(began); took < 900*time.Millisecond || took > 1100*time.Millisecond {
			t.Errorf("ten calls at ten a second took %v", took)
		}
		if got := arith.runs(); got != 10 {
			t.Errorf("%d calls ran", got)
		}
	})
}
