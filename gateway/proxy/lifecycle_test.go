// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/static"
	"github.com/rpcx-go/rpcx/server"
)

// A proxy that drains says so, and serves on.
func TestDrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{Hosts: []string{"gw.example.com"}})
	for _, path := range []string{"/healthz", "/readyz"} {
		w.ask(http.MethodGet, path, "", "Host", "anything").want(t, 200, "ok")
	}
	w.proxy.Drain()
	w.ask(http.MethodGet, "/healthz", "").want(t, 200, "ok")
	w.ask(http.MethodGet, "/readyz", "").want(t, 503, "draining")
	if a := w.ask(http.MethodHead, "/readyz", ""); a.status != 503 {
		t.Errorf("HEAD: %d", a.status)
	}
	a := w.post("/S/Note", "")
	a.want(t, 200, "{}")
	w.post("/healthz", "").want(t, 404, "")
}

// Shutdown waits for the requests under way.
func TestShutdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{})
	done := make(chan answer, 1)
	go func() { done <- w.post("/S/Wait", "") }()
	receive(t, w.waiting, "the call")
	ended := make(chan error, 1)
	go func() { ended <- w.proxy.Shutdown(t.Context()) }()
	for {
		if _, err := w.do(t.Context(), http.MethodGet, "/healthz", ""); err != nil {
			break // it listens no more
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	w.goOn <- struct{}{}
	receive(t, done, "the answer").want(t, 200, "{}")
	if err := receive(t, ended, "Shutdown"); err != nil {
		t.Error(err)
	}
	if _, err := w.proxy.Dispatch(t.Context(), rpcx.Peer{}, &protocol.Message{Service: "S", Method: "Note"}); !errors.Is(err, rpcx.Unavailable) || !rpcx.SafeToRetry(err) {
		t.Errorf("after Shutdown: %v", err)
	}
}

// Shutdown does not wait longer than it may, and Close for nothing: handlers are canceled.
func TestCloseEndsCalls(t *testing.T) {
	t.Parallel()
	ends := map[string]func(p *proxy.Proxy) error{
		"Close": func(p *proxy.Proxy) error { return errors.Join(p.Close(), context.Canceled) },
		"Shutdown": func(p *proxy.Proxy) error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return p.Shutdown(ctx)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, proxy.Config{})
			done := make(chan error, 1)
			go func() {
				_, err := w.do(t.Context(), http.MethodPost, "/S/Wait", "", "Content-Type", "application/json")
				done <- err
			}()
			receive(t, w.waiting, "the call")
			if err := end(w.proxy); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			receive(t, done, "the request")
			if got := receive(t, w.calls, "the end of the handler"); got.Ended == nil {
				t.Error("the handler's context has not ended")
			}
		})
	}
}

// The proxy can be the handler of a user's http.Server.
func TestAsHandler(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{})
	ts := httptest.NewServer(w.proxy)
	defer ts.Close()
	other := *w
	other.url = ts.URL
	other.post("/Arith/Mul", `{"A":6,"B":7}`).want(t, 200, `{"C":42}`)
}

// recorder is an observer that keeps what it is told.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *recorder) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

func (r *recorder) CallEnd(_ context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	r.add("%v %d %s.%s %d", info.Side, info.Attempt, info.Service, info.Method, rpcx.CodeOf(result.Err))
}

func (r *recorder) ServerEvent(e *rpcx.ServerEvent) {
	r.add("%v %s%s: %v", e.Kind, e.Service, e.Method, e.Err)
}

func (r *recorder) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := r.lines
	r.lines = nil
	return told
}

// The observer is told of calls on both sides, and of refusals without their names.
func TestObserver(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	w := newWorld(t, proxy.Config{Client: client.Option{Observer: r}})
	tests := []struct {
		path    string
		headers []string
		want    []string
	}{
		{"/Arith/Mul", nil, []string{"client 1 Arith.Mul 0", "client 0 Arith.Mul 0", "server 0 Arith.Mul 0"}},
		{"/Arith/Div", nil, []string{"client 1 Arith.Div 3", "client 0 Arith.Div 3", "server 0 Arith.Div 3"}},
		{"/Nobody/Mul", nil, []string{"call refused : rpcx: can't find service Nobody"}},
		{"/Arith/Mul", []string{"Origin", "http://evil.com"}, []string{"call refused : gateway: pages of this origin may not make calls"}},
	}
	for _, tt := range tests {
		w.post(tt.path, "{}", tt.headers...)
		if got := r.told(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: told %q, want %q", tt.path, got, tt.want)
		}
	}
}

// Names of methods that strangers make up use up no more than so many labels, and take
// none from methods that exist.
func TestObserverOfMadeUpMethods(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	w := newWorld(t, proxy.Config{Client: client.Option{Observer: r}})
	oneway := []string{"X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "Arith", "X-RPCX-Oneway", "1"}
	for i := range 150 {
		w.post(fmt.Sprintf("/Arith/Made%d", i), "{}")
		w.ask(http.MethodPost, "/", "{}", append(oneway, "X-RPCX-ServiceMethod", fmt.Sprint("Once", i))...)
	}
	names := make(map[string]bool)
	for _, line := range r.told() {
		names[strings.Fields(line)[2]] = true
	}
	if len(names) != 101 || !names["Arith."] {
		t.Errorf("%d names were told, want 100 and none", len(names))
	}
	tests := []struct {
		path string
		want []string
	}{
		{"/Arith/Mul", []string{"client 1 Arith. 0", "client 0 Arith. 0", "server 0 Arith. 0"}}, // it may be made up
		{"/Arith/Mul", []string{"client 1 Arith.Mul 0", "client 0 Arith.Mul 0", "server 0 Arith.Mul 0"}},
		{"/Arith/Div", []string{"client 1 Arith. 3", "client 0 Arith. 3", "server 0 Arith. 3"}},
		{"/Arith/Div", []string{"client 1 Arith.Div 3", "client 0 Arith.Div 3", "server 0 Arith.Div 3"}},
		{"/Arith/Made200", []string{"client 1 Arith. 12", "client 0 Arith. 12", "server 0 Arith. 12"}},
		{"/Arith/Made200", []string{"client 1 Arith. 12", "client 0 Arith. 12", "server 0 Arith. 12"}},
	}
	for _, tt := range tests {
		w.post(tt.path, "{}")
		if got := r.told(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: told %q, want %q", tt.path, got, tt.want)
		}
	}
}

// Nor do names of services, where the resolver has servers for every name.
func TestObserverOfMadeUpServices(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	here := newWorld(t, proxy.Config{})
	all := static.New(registry.Instance{Network: "tcp", Addr: here.server.Address().String()})
	w := newWorldWith(t, client.Failover, all, proxy.Config{Client: client.Option{Observer: r}})
	w.post("/Arith/Mul", "{}").want(t, 200, "")
	if got := r.told(); len(got) != 3 {
		t.Errorf("told %q", got)
	}
	for i := range 150 {
		w.post(fmt.Sprintf("/Made%d/Mul", i), "{}").want(t, 404, "can't find service")
	}
	names := make(map[string]bool)
	for _, line := range r.told() {
		names[strings.Fields(line)[2]] = true
	}
	if len(names) > 101 || !names["."] {
		t.Errorf("%d names were told, want 100 at most and none", len(names))
	}
	for range 10 { // and no more of them
		w.post("/Another/Mul", "{}")
	}
	for i, line := range r.told() {
		if name := strings.Fields(line)[2]; name != "." {
			t.Errorf("line %d tells of %s", i, name)
		}
	}
	w.post("/Arith/Div", "{}")
	if got, want := r.told(), []string{"client 1 Arith. 3", "client 0 Arith. 3", "server 0 Arith. 3"}; !slices.Equal(got, want) {
		t.Errorf("told %q of a service that has answered, want %q", got, want)
	}
}

// What servers of rpcx tell of a panic stays inside.
func TestStacksStayInside(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{})
	err := w.server.HandleRaw("Classic", "Panic", func(context.Context, *protocol.Message, *protocol.Message) error {
		return errors.New("[service internal error]: secret, method: Panic, argv: &{secret}, stack: goroutine 7 [running]")
	})
	if err != nil {
		t.Fatal(err)
	}
	w.announced("Classic", w.server)
	a := w.post("/Classic/Panic", "{}")
	a.want(t, 500, "[service internal error]: panic")
	if strings.Contains(a.body, "secret") || strings.Contains(a.body, "goroutine") {
		t.Errorf("%s", a.body)
	}
}

// Servers are replaced one after the other, and no request by the gateway fails.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{})
	servers := []*server.Server{w.server, w.start(), w.start()}
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a := w.post("/Arith/Mul", `{"A":6,"B":7}`); a.status != 200 {
					t.Errorf("%d %s", a.status, a.body)
					return
				}
			}
		})
	}
	for _, s := range servers {
		w.start()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}
	close(stop)
	callers.Wait()
}
