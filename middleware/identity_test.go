// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

// Whom Auth has found, handlers, interceptors and the access log are told.
func TestIdentity(t *testing.T) {
	t.Parallel()
	var log lines
	var seen []string // by the interceptor, then by the handler
	see := func(ctx context.Context) {
		who, ok := middleware.Identity(ctx)
		if ok != (who != "") {
			t.Errorf("Identity: %q, %v", who, ok)
		}
		seen = append(seen, who)
	}
	s := rpctest.NewServer(t,
		server.WithLogger(quiet()),
		server.WithObserver(middleware.AccessLog(middleware.AccessLogConfig{Logger: log.logger()})),
		server.WithAuth(middleware.Auth(middleware.AuthConfig{
			Identify: middleware.Tokens(map[string]string{"s3cret": "ada", "t0ken": "eve"}),
			Allow:    map[string][]string{"Arith.Open": {middleware.Everyone}, "Arith.Mul": {"ada"}},
			Logger:   quiet(),
		})),
		server.WithInterceptor(rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
			return func(ctx context.Context, c *rpcx.Call) error {
				see(ctx)
				return next(ctx, c)
			}
		}}))
	for _, method := range []string{"Mul", "Open"} {
		err := server.Handle(s.Server, "Arith", method, func(ctx context.Context, _ *Args, _ *Reply) error {
			see(ctx)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	x := s.Client(t, "Arith", client.Option{})
	for _, tt := range []struct {
		token, method, who string
		runs               bool
	}{
		{"s3cret", "Mul", "ada", true},
		{"bearer s3cret", "Open", "ada", true},
		{"", "Open", "", true},
		{"t0ken", "Mul", "eve", false},
	} {
		seen = nil
		x.Auth(tt.token)
		err := x.Call(t.Context(), tt.method, &Args{}, new(Reply))
		if (err == nil) != tt.runs {
			t.Errorf("%+v: %v", tt, err)
		}
		if got := strings.Join(seen, ","); tt.runs && got != tt.who+","+tt.who {
			t.Errorf("%+v: seen %q", tt, got)
		}
		got := log.take(t)
		if len(got) != 1 {
			t.Fatalf("%+v: logged %v", tt, got)
		}
		if who, there := got[0]["identity"]; there != (tt.who != "") || there && who != tt.who {
			t.Errorf("%+v: the access log has %v", tt, got[0])
		}
	}
}

func TestIdentityOutsideOfACall(t *testing.T) {
	t.Parallel()
	if who, ok := middleware.Identity(t.Context()); ok || who != "" {
		t.Errorf("%q, %v", who, ok)
	}
	if key := middleware.PeerIdentity(t.Context(), served("10.0.0.1")); key != "" {
		t.Errorf("key %q", key)
	}
}

// Each caller has a limit of its own, and its token is nowhere in the log.
func TestRateLimitByIdentity(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]struct {
		key  func(context.Context, *rpcx.Call) string
		logs string
	}{
		"identity": {middleware.PeerIdentity, "ada"},
		"token":    {middleware.PeerMetadata("__AUTH"), "sha256:1ec1c26b50d5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log lines
			s := rpctest.NewServer(t,
				server.WithLogger(quiet()),
				server.WithAuth(middleware.Auth(middleware.AuthConfig{
					Identify: middleware.Tokens(map[string]string{"s3cret": "ada", "t0ken": "eve"}),
				})),
				server.WithInterceptor(middleware.RateLimit(middleware.RateLimitConfig{
					Rate: 0.001, Burst: 1, Key: by.key, Logger: log.logger(),
				})))
			if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
				t.Fatal(err)
			}
			x := s.Client(t, "Arith", client.Option{})
			for token, want := range map[string]rpcx.Code{"s3cret": rpcx.ResourceExhausted, "t0ken": 0} {
				x.Auth(token)
				err := x.Call(t.Context(), "Mul", &Args{}, new(Reply))
				if err != nil {
					t.Errorf("the first call with %s: %v", token, err)
				}
				if want == 0 {
					continue
				}
				if err := x.Call(t.Context(), "Mul", &Args{}, new(Reply)); rpcx.CodeOf(err) != want {
					t.Errorf("the second call with %s: %v", token, err)
				}
			}
			got := log.take(t)
			if len(got) != 1 || got[0]["key"] != by.logs {
				t.Errorf("logged %v, want the key %q", got, by.logs)
			}
		})
	}
}
