// SPDX-License-Identifier: Apache-2.0

package redislimit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/contrib/redislimit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; it passes only when the
// test fails.
const patience = 30 * time.Second

// server is a real Redis of a test's own.
type server struct {
	t      testing.TB
	cmd    *exec.Cmd
	socket string
	stop   sync.Once
}

// startRedis starts a Redis that ends with the test.
func startRedis(t testing.TB) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	dir, err := os.MkdirTemp("", "redis") // t.TempDir is too long a path for a socket
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s := &server{t: t, socket: filepath.Join(dir, "redis.sock")}
	s.cmd = exec.Command("../../scripts/services/redis.sh", dir)
	s.cmd.Stdout, s.cmd.Stderr = &out, &out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		_ = os.RemoveAll(dir)
		if t.Failed() {
			t.Logf("redis-server said:\n%s", out.String())
		}
	})
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket})
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := c.Ping(ctx).Err()
		if err == nil {
			return s
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("redis-server does not answer: %v", err)
		}
	}
}

// kill ends the server, and waits for that.
func (s *server) kill() {
	s.stop.Do(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
}

// signal freezes the server, or lets it go on.
func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// limiter returns a limiter that counts in the server.
func (s *server) limiter(c redislimit.Config) *redislimit.Limiter {
	s.t.Helper()
	c.Redis.Addrs = []string{s.socket}
	if c.Timeout == 0 {
		c.Timeout = patience
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return closing(s.t, redislimit.New(c))
}

func closing(t testing.TB, l *redislimit.Limiter) *redislimit.Limiter {
	t.Helper()
	t.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			t.Error(err)
		}
	})
	return l
}

// caller returns a function that makes a call through a limiter.
func caller(l *redislimit.Limiter) func(ctx context.Context, key string) error {
	f := rpcx.Chain([]rpcx.Interceptor{l.Interceptor()}, func(context.Context, *rpcx.Call) error { return nil })
	return func(ctx context.Context, key string) error {
		return f(ctx, &rpcx.Call{Side: rpcx.ServerSide, Service: "Math", Method: "Double", Header: rpcx.Pairs("tenant", key)})
	}
}

// tenant is a key that calls name.
func tenant(_ context.Context, c *rpcx.Call) string { return c.Header.Get("tenant") }

// lines is a logger's output.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.buf.Bytes(), []byte(text))
}
