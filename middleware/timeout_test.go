// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

func hang(ctx context.Context, _ *rpcx.Call) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestTimeoutLengths(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config middleware.TimeoutConfig
		want   time.Duration // 0: none
	}{
		{"default", middleware.TimeoutConfig{}, middleware.DefaultTimeout},
		{"set", middleware.TimeoutConfig{Default: time.Second}, time.Second},
		{"off", middleware.TimeoutConfig{Default: -1}, 0},
		{"by method", middleware.TimeoutConfig{Methods: map[string]time.Duration{"Arith.Mul": time.Minute}}, time.Minute},
		{"by service", middleware.TimeoutConfig{Methods: map[string]time.Duration{"Arith": time.Minute, "*": 1}}, time.Minute},
		{"off by method", middleware.TimeoutConfig{Methods: map[string]time.Duration{"Arith.*": 0}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				err := around(middleware.Timeout(tt.config), func(ctx context.Context, _ *rpcx.Call) error {
					deadline, ok := ctx.Deadline()
					if ok != (tt.want > 0) || ok && time.Until(deadline) != tt.want {
						t.Errorf("deadline in %v (%v), want %v", time.Until(deadline), ok, tt.want)
					}
					return nil
				})(context.Background(), served(""))
				if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestTimeoutPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log lines
		began := time.Now()
		err := around(middleware.Timeout(middleware.TimeoutConfig{Default: time.Second, Logger: log.logger()}), hang)(t.Context(), served(""))
		if !errors.Is(err, rpcx.DeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "Arith.Mul took longer than 1s") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v", took)
		}
		if got := log.take(t); len(got) != 1 || got[0]["method"] != "Arith.Mul" {
			t.Errorf("logged %v", got)
		}
	})
}

// The caller's deadline is not ours to talk about.
func TestTimeoutOfTheCallerIsEarlier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log lines
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err := around(middleware.Timeout(middleware.TimeoutConfig{Logger: log.logger()}), hang)(ctx, served(""))
		if err != context.DeadlineExceeded {
			t.Errorf("error %v, want the handler's", err)
		}
		if got := log.take(t); len(got) != 0 {
			t.Errorf("logged %v", got)
		}
	})
}

func TestTimeoutOnBothSides(t *testing.T) {
	t.Parallel()
	limit := middleware.Timeout(middleware.TimeoutConfig{Default: time.Second, Logger: quiet()})
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			x := rpctest.Serve(t, "Arith", new(Arith), server.WithInterceptor(limit))
			err := x.Call(t.Context(), "Hang", &Args{}, new(Reply))
			var e *rpcx.Error
			if !errors.As(err, &e) || e.Code() != rpcx.DeadlineExceeded || !e.Remote() {
				t.Errorf("error %v", err)
			}
		})
	})
	t.Run("client", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := rpctest.NewServer(t)
			if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
				t.Fatal(err)
			}
			x := s.Client(t, "Arith", client.Option{Interceptors: []rpcx.Interceptor{limit}})
			began := time.Now()
			err := x.Call(t.Context(), "Hang", &Args{}, new(Reply))
			if !errors.Is(err, rpcx.DeadlineExceeded) || time.Since(began) > 2*time.Second {
				t.Errorf("error %v after %v", err, time.Since(began))
			}
		})
	})
}
