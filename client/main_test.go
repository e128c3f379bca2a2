// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen. It is only ever used up by
// a test that fails.
const patience = time.Minute

// receive returns what comes over ch.
func receive[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C:
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}

// await waits until ch is closed or gives a value.
func await(t testing.TB, ch <-chan struct{}, what string) {
	t.Helper()
	receive(t, ch, what)
}

// eventually waits until ok is true of what only another goroutine can make true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited %v for: %s", patience, what)
		}
	}
}

// result is what a call that runs on another goroutine came to.
type result struct {
	reply string
	err   error
}

// inBackground makes a call of plain bytes and returns a channel for its result.
func inBackground(call func(args, reply any) error, args string) <-chan result {
	done := make(chan result, 1)
	go func() {
		var reply []byte
		err := call([]byte(args), &reply)
		done <- result{string(reply), err}
	}()
	return done
}

// on makes calls to S.M on a connection.
func on(ctx context.Context, c *client.Conn, opts ...client.CallOption) func(args, reply any) error {
	return func(args, reply any) error { return c.Call(ctx, "S", "M", args, reply, opts...) }
}

// of makes calls of the method M of a client.
func of(ctx context.Context, x *client.XClient, opts ...client.CallOption) func(args, reply any) error {
	return func(args, reply any) error { return x.Call(ctx, "M", args, reply, opts...) }
}

// wantOK checks the result of a call that should have worked.
func wantOK(t testing.TB, got result, reply string) {
	t.Helper()
	if got.err != nil || got.reply != reply {
		t.Errorf("call: %q, %v; want %q", got.reply, got.err, reply)
	}
}

// wantError checks the facts of an error that programs go by: every error of a call is
// an *rpcx.Error.
func wantError(t testing.TB, err error, code rpcx.Code, safe bool) {
	t.Helper()
	var e *rpcx.Error
	switch {
	case err == nil:
		t.Errorf("no error, want %v", code)
	case !errors.As(err, &e):
		t.Errorf("error is a %T: %v", err, err)
	case rpcx.CodeOf(err) != code || !errors.Is(err, code):
		t.Errorf("code is %v, want %v: %v", rpcx.CodeOf(err), code, err)
	case rpcx.SafeToRetry(err) != safe:
		t.Errorf("safe to retry is %t, want %t: %v", !safe, safe, err)
	}
}

// closing closes c when the test ends.
func closing(t testing.TB, c io.Closer) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// quiet is a logger for tests that make noise on purpose.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// startTCP serves s on a port of the loopback interface until the test ends, and
// returns its address.
func startTCP(t testing.TB, s *server.Server) string {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	select {
	case <-s.Started():
	case err := <-served:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return s.Address().String()
}

// handle registers a function on a server.
func handle[A, R any](t testing.TB, s *server.Server, method string, f func(ctx context.Context, args *A, reply *R) error) {
	t.Helper()
	if err := server.Handle(s, "S", method, f); err != nil {
		t.Fatal(err)
	}
}

// echo answers with what it was sent.
func echo(_ context.Context, args, reply *[]byte) error {
	*reply = *args
	return nil
}

// freeAddr returns an address of the loopback interface that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
