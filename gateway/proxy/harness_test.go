// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/memory"
	"github.com/rpcx-go/rpcx/server"
)

func TestMain(m *testing.M) {
	// Package http lingers for half a second on connections whose client has more to say.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience is how long a test waits for what must happen. It is only ever used up by a
// test that fails.
const patience = time.Minute

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

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

type Args struct{ A, B int }

type Reply struct{ C int }

// seen is what a service saw of a call.
type seen struct {
	Meta  map[string]string
	Left  time.Duration // until the deadline
	Ended error         // the context's error, of Wait
}

// world is a server with a service, a registry that knows it, and a proxy in front.
type world struct {
	t        testing.TB
	server   *server.Server
	services *memory.Registry
	proxy    *proxy.Proxy
	url      string
	calls    chan seen           // of S.Note and S.Wait
	waiting  chan *server.Server // where an S.Wait has begun
	goOn     chan struct{}       // lets one S.Wait end
}

func newWorld(t testing.TB, c proxy.Config, opts ...server.Option) *world {
	t.Helper()
	return newWorldWith(t, client.Failover, nil, c, opts...)
}

// newWorldWith makes a world whose proxy asks another resolver, unless that is nil.
func newWorldWith(t testing.TB, mode client.FailMode, r registry.Resolver, c proxy.Config, opts ...server.Option) *world {
	t.Helper()
	w := &world{
		t: t, services: memory.New(),
		calls: make(chan seen, 100), waiting: make(chan *server.Server, 100), goOn: make(chan struct{}),
	}
	w.server = w.start(opts...)
	if r == nil {
		r = w.services
	}
	if c.Client.Logger == nil {
		c.Client.Logger = quiet()
	}
	var err error
	if w.proxy, err = proxy.New(mode, client.RandomSelect, r, c); err != nil {
		t.Fatal(err)
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.url = "http://" + ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- w.proxy.Serve(ln) }()
	t.Cleanup(func() {
		if err := w.proxy.Close(); err != nil {
			t.Errorf("close the proxy: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return w
}

// start starts a server that makes itself known.
func (w *world) start(opts ...server.Option) *server.Server {
	t := w.t
	t.Helper()
	s := server.NewServer(append([]server.Option{server.WithRegistrar(w.services, "", 0), server.WithLogger(quiet())}, opts...)...)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(server.Handle(s, "Arith", "Mul", func(_ context.Context, a *Args, r *Reply) error { r.C = a.A * a.B; return nil }))
	must(server.Handle(s, "Arith", "Div", func(ctx context.Context, a *Args, r *Reply) error {
		if a.B == 0 {
			_ = rpcx.SetReplyMetadata(ctx, "why", "zero")
			return rpcx.Errorf(rpcx.InvalidArgument, "division by zero").WithDetail("argument", "B")
		}
		r.C = a.A / a.B
		return nil
	}))
	must(server.Handle(s, "S", "Note", func(ctx context.Context, _, _ *struct{}) error {
		_ = rpcx.SetReplyMetadata(ctx, "noted", "a&b")
		w.calls <- seenIn(ctx)
		return nil
	}))
	must(server.Handle(s, "S", "Wait", func(ctx context.Context, _, _ *struct{}) error {
		w.waiting <- s
		select {
		case <-ctx.Done():
		case <-w.goOn:
		}
		w.calls <- seenIn(ctx)
		return ctx.Err()
	}))
	must(server.Handle(s, "S", "Busy", func(context.Context, *struct{}, *struct{}) error {
		return rpcx.Errorf(rpcx.ResourceExhausted, "busy").WithPause(1500 * time.Millisecond)
	}))
	must(server.Handle(s, "S", "Echo", func(_ context.Context, in, out *[]byte) error { *out = *in; return nil }))
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	receive(t, s.Started(), "the server")
	for _, name := range []string{"Arith", "S"} {
		w.announced(name, s)
	}
	var once sync.Once
	t.Cleanup(func() {
		once.Do(func() { _ = s.Close() })
		<-served
	})
	return s
}

// announced waits until the registry knows that a server has a service.
func (w *world) announced(service string, s *server.Server) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	found := false
	_ = w.services.Watch(ctx, service, func(instances []registry.Instance) {
		for _, in := range instances {
			if in.Addr == s.Address().String() {
				found = true
				cancel()
			}
		}
	})
	if !found {
		w.t.Fatalf("the registry does not know %s", service)
	}
}

func seenIn(ctx context.Context) seen {
	s := seen{Meta: rpcx.IncomingMetadata(ctx).Map(), Ended: ctx.Err()}
	if at, ok := ctx.Deadline(); ok {
		s.Left = time.Until(at)
	}
	return s
}

// answer is a response with its body.
type answer struct {
	status int
	header http.Header
	body   string
}

// do makes a request.
func (w *world) do(ctx context.Context, method, path, body string, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	tr := &http.Transport{DisableCompression: true}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text)}, err
}

// ask makes a request that must be answered.
func (w *world) ask(method, path, body string, headers ...string) answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	a, err := w.do(ctx, method, path, body, headers...)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// post makes a plain call.
func (w *world) post(path, body string, headers ...string) answer {
	w.t.Helper()
	return w.ask(http.MethodPost, path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
}

// want checks an answer.
func (a answer) want(t testing.TB, status int, part string) {
	t.Helper()
	if a.status != status || !strings.Contains(a.body, part) {
		t.Errorf("%d %s, want %d and %q in it", a.status, a.body, status, part)
	}
}
