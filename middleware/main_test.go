// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; it passes only when the
// test fails.
const patience = 10 * time.Second

// Args and Reply are what the service of the tests takes and gives.
type (
	Args  struct{ A, B int }
	Reply struct{ C int }
)

// Arith is a service that counts what ran.
type Arith struct {
	mu  sync.Mutex
	ran int
}

// Mul multiplies.
func (s *Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran++
	reply.C = args.A * args.B
	return nil
}

// Fail fails.
func (s *Arith) Fail(context.Context, *Args, *Reply) error {
	return rpcx.Errorf(rpcx.Unavailable, "the database is gone")
}

// Hang waits until its context ends.
func (s *Arith) Hang(ctx context.Context, _ *Args, _ *Reply) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s *Arith) runs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ran
}

// lines is a logger's output, to be looked at.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// take returns the lines so far, decoded, and forgets them.
func (l *lines) take(t *testing.T) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []map[string]any
	for line := range strings.Lines(l.buf.String()) {
		m := make(map[string]any)
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	l.buf.Reset()
	return all
}

// quiet is a logger for tests that do not look.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// around returns a function that makes a call through an interceptor.
func around(i rpcx.Interceptor, f rpcx.UnaryFunc) rpcx.UnaryFunc {
	return rpcx.Chain([]rpcx.Interceptor{i}, f)
}

func succeed(context.Context, *rpcx.Call) error { return nil }

// served returns a call as a server sees it, from an address.
func served(addr string) *rpcx.Call {
	c := &rpcx.Call{Side: rpcx.ServerSide, Service: "Arith", Method: "Mul"}
	if addr != "" {
		c.Peer.Addr = tcpAddr(addr)
	}
	return c
}

func tcpAddr(addr string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(addr), Port: 1234} }

// wantRefused checks an error that refuses a call that did not run.
func wantRefused(t *testing.T, err error, code rpcx.Code) *rpcx.Error {
	t.Helper()
	var e *rpcx.Error
	if !errors.As(err, &e) || e.Code() != code || !rpcx.SafeToRetry(err) {
		t.Fatalf("error %v (%v, safe to retry: %v), want %v, not executed", err, rpcx.CodeOf(err), rpcx.SafeToRetry(err), code)
	}
	return e
}

// counter is an observer that counts outcomes.
type counter struct {
	mu    sync.Mutex
	codes map[rpcx.Code]int
}

func (*counter) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

func (o *counter) CallEnd(_ context.Context, _ *rpcx.CallInfo, r *rpcx.CallResult) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.codes == nil {
		o.codes = make(map[rpcx.Code]int)
	}
	o.codes[rpcx.CodeOf(r.Err)]++
}

func (o *counter) count(c rpcx.Code) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.codes[c]
}
