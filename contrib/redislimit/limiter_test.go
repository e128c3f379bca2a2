// SPDX-License-Identifier: Apache-2.0

package redislimit_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/contrib/redislimit"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
	rpcxserver "github.com/rpcx-go/rpcx/server"
)

// wantRefused checks an error that refuses a call that did not run.
func wantRefused(t *testing.T, err error, code rpcx.Code) *rpcx.Error {
	t.Helper()
	var e *rpcx.Error
	if !errors.As(err, &e) || e.Code() != code || !rpcx.SafeToRetry(err) {
		t.Fatalf("error %v (%v, safe to retry: %v), want %v, not executed", err, rpcx.CodeOf(err), rpcx.SafeToRetry(err), code)
	}
	return e
}

// However many servers there are, they have one limit.
func TestOneLimitForManyServers(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	config := redislimit.Config{Rate: 0.01, Burst: 20, Key: tenant}
	var wg sync.WaitGroup
	var passed, refused atomic.Int64
	for range 4 {
		call := caller(s.limiter(config))
		wg.Go(func() {
			for range 15 {
				switch err := call(t.Context(), "a"); {
				case err == nil:
					passed.Add(1)
				case errors.Is(err, rpcx.ResourceExhausted):
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 20 || refused.Load() != 40 {
		t.Errorf("%d calls passed and %d were refused, want 20 and 40", passed.Load(), refused.Load())
	}
	if err := caller(s.limiter(config))(t.Context(), "b"); err != nil {
		t.Errorf("another key pays for the first: %v", err)
	}
	config.Prefix = "other:"
	if err := caller(s.limiter(config))(t.Context(), "a"); err != nil {
		t.Errorf("another prefix counts along: %v", err)
	}
}

// The pause that a refused call is asked to make is long enough, and not much longer.
func TestRefill(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	call := caller(s.limiter(redislimit.Config{Rate: 10, Burst: 1, Key: tenant}))
	if err := call(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	e := wantRefused(t, call(t.Context(), "a"), rpcx.ResourceExhausted)
	if e.Pause() <= 0 || e.Pause() > 100*time.Millisecond {
		t.Errorf("asked to wait %v, want at most the time of one token", e.Pause())
	}
	timer := time.NewTimer(e.Pause())
	<-timer.C
	if err := call(t.Context(), "a"); err != nil {
		t.Errorf("after the pause that was asked for: %v", err)
	}
}

// Redis keeps a key no longer than its bucket takes to fill, and a time that makes no
// sense is not believed.
func TestKeysInRedis(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket})
	defer c.Close()
	call := caller(s.limiter(redislimit.Config{Rate: 1, Burst: 10, Key: tenant}))
	if err := call(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	const key = "rpcx:limit:a"
	if ttl := c.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Second {
		t.Errorf("the key of one token lives %v, want a second", ttl)
	}
	for _, odd := range []string{"99999999999999999999", "-5", "nonsense", "", "0", "inf"} {
		if err := c.Set(t.Context(), key, odd, 0).Err(); err != nil {
			t.Fatal(err)
		}
		err := call(t.Context(), "a")
		if e := new(rpcx.Error); err != nil && (!errors.As(err, &e) || e.Code() != rpcx.ResourceExhausted || e.Pause() > time.Second) {
			t.Errorf("with %q in Redis: %v", odd, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	call := caller(s.limiter(redislimit.Config{}))
	for range 500 {
		if err := call(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
}

// R29: a Redis that is gone costs no connection: calls pass, or are refused.
func TestR29_RedisIsGone(t *testing.T) {
	t.Parallel()
	for _, closed := range []bool{false, true} {
		name := "calls pass"
		if closed {
			name = "calls are refused"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRedis(t)
			var log lines
			l := s.limiter(redislimit.Config{FailClosed: closed, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			served := rpctest.NewServer(t, rpcxserver.WithInterceptor(l.Interceptor()))
			if err := served.RegisterFunctionName("Math", "Double", double, ""); err != nil {
				t.Fatal(err)
			}
			c := served.Dial(t, client.Option{})
			call := func() error {
				n, m := 21, 0
				return c.Call(t.Context(), "Math", "Double", &n, &m)
			}
			if err := call(); err != nil {
				t.Fatal(err)
			}
			s.kill()
			for range 20 {
				err := call()
				if !closed && err != nil {
					t.Fatalf("a call while Redis is gone: %v", err)
				}
				if closed {
					if e := wantRefused(t, err, rpcx.Unavailable); !e.Remote() || e.Pause() != time.Second {
						t.Errorf("error %v, remote %v, pause %v", e, e.Remote(), e.Pause())
					}
				}
			}
			if err := c.Err(); err != nil {
				t.Errorf("the connection is gone: %v", err)
			}
			if n := log.count("Redis cannot be asked"); n == 0 || n > 3 {
				t.Errorf("%d warnings", n)
			}
		})
	}
}

func double(_ context.Context, n *int, m *int) error {
	*m = 2 * *n
	return nil
}

// A Redis that hangs holds up no more than the calls that find out, and is asked again
// when it answers.
func TestRedisHangs(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	call := caller(s.limiter(redislimit.Config{Rate: 0.001, Burst: 1, Key: tenant, Timeout: 200 * time.Millisecond}))
	if err := call(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGSTOP)
	began := time.Now()
	for range 50 {
		if err := call(t.Context(), "a"); err != nil {
			t.Fatalf("a call while Redis hangs: %v", err)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("50 calls took %v", took)
	}
	s.signal(syscall.SIGCONT)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for call(ctx, "a") == nil { // until the limit works again
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("Redis is not asked any more")
		}
	}
}

// A caller that gives up says nothing about Redis.
func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	call := caller(s.limiter(redislimit.Config{Rate: 0.001, Burst: 1, Key: tenant}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantRefused(t, call(ctx, "a"), rpcx.Canceled)
	if err := call(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, call(t.Context(), "a"), rpcx.ResourceExhausted)
}

// On a client nothing is sent; a handler that passes the error on must not promise its
// own caller that nothing ran.
func TestOnAClient(t *testing.T) {
	t.Parallel()
	l := closing(t, redislimit.New(redislimit.Config{
		Redis:      redis.UniversalOptions{Addrs: []string{filepath.Join(t.TempDir(), "nothing.sock")}},
		FailClosed: true,
		Logger:     slog.New(slog.DiscardHandler),
	}))
	f := rpcx.Chain([]rpcx.Interceptor{l.Interceptor()}, func(context.Context, *rpcx.Call) error { return nil })
	e := wantRefused(t, f(t.Context(), &rpcx.Call{Side: rpcx.ClientSide}), rpcx.Unavailable)
	if rpcx.FromWire(metadata(t, e)).Pause() != time.Second || rpcx.SafeToRetry(rpcx.FromWire(metadata(t, e))) {
		t.Error("the error promises that nothing ran")
	}
}

// metadata returns what a server would send of an error.
func metadata(t *testing.T, err error) rpcx.Metadata {
	t.Helper()
	md, perr := protocol.ParseMetadata(rpcx.AppendWireError(nil, err))
	if perr != nil {
		t.Fatal(perr)
	}
	return md
}

func TestClose(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	l := s.limiter(redislimit.Config{FailClosed: true, Key: tenant})
	call := caller(l)
	if err := call(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, call(t.Context(), "a"), rpcx.Unavailable)
}
