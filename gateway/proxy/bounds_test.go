// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/protocol"
)

// No more requests are served at a time than may be.
func TestMaxRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{MaxRequests: 1})
	done := make(chan answer, 1)
	go func() { done <- w.post("/S/Wait", "") }()
	receive(t, w.waiting, "the call")
	a := w.post("/S/Note", "")
	a.want(t, 503, "as many requests")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("%v", a.header)
	}
	w.ask(http.MethodGet, "/healthz", "").want(t, 200, "ok")
	w.goOn <- struct{}{}
	receive(t, done, "the answer").want(t, 200, "{}")
	w.post("/S/Note", "").want(t, 200, "{}")
}

// Nor more of one caller's.
func TestMaxPeerRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{
		MaxPeerRequests: 1,
		ClientAddr:      func(r *http.Request) netip.Addr { a, _ := netip.ParseAddr(r.Header.Get("X-Real-IP")); return a },
	})
	done := make(chan answer, 1)
	go func() { done <- w.post("/S/Wait", "", "X-Real-IP", "10.0.0.1") }()
	receive(t, w.waiting, "the call")
	w.post("/S/Note", "", "X-Real-IP", "10.0.0.1").want(t, 429, "of one address")
	w.post("/S/Note", "", "X-Real-IP", "10.0.0.2").want(t, 200, "{}")
	w.goOn <- struct{}{}
	receive(t, done, "the answer").want(t, 200, "{}")
	w.post("/S/Note", "", "X-Real-IP", "10.0.0.1").want(t, 200, "{}")
}

// The bodies of all requests together are bounded.
func TestMaxBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{MaxBody: 10, MaxBodies: 15})
	done := make(chan answer, 1)
	go func() { done <- w.post("/S/Wait", `{"A":1}   `) }()
	receive(t, w.waiting, "the call")
	w.post("/S/Note", `{"A":1}   `).want(t, 503, "bodies of all requests")
	w.post("/S/Note", `{}`).want(t, 200, "{}")
	w.goOn <- struct{}{}
	receive(t, done, "the answer").want(t, 200, "{}")
	w.post("/S/Note", `{"A":1}   `).want(t, 200, "{}")
}

// What bodies are decompressed to counts as they do.
func TestMaxBodiesInflated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{MaxBody: 100_000, MaxBodies: 250_000})
	var b strings.Builder
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, `{"A":1`+strings.Repeat(" ", 90_000)+"}"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	done := make(chan answer, 2)
	hold := func() {
		go func() { done <- w.post("/S/Wait", b.String(), "Content-Encoding", "gzip") }()
		receive(t, w.waiting, "the call")
	}
	hold()
	hold()
	w.post("/S/Note", b.String(), "Content-Encoding", "gzip").want(t, 503, "bodies of all requests")
	w.post("/S/Note", "{}").want(t, 200, "{}")
	for range 2 {
		w.goOn <- struct{}{}
		receive(t, done, "the answer").want(t, 200, "{}")
	}
	w.post("/S/Note", b.String(), "Content-Encoding", "gzip").want(t, 200, "{}")
}

// No more connections are kept than may be.
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{MaxConnections: 1})
	addr := strings.TrimPrefix(w.url, "http://")
	dial := func() net.Conn {
		nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nc.Close() })
		_ = nc.SetDeadline(time.Now().Add(patience))
		return nc
	}
	first := dial()
	ask := func(nc net.Conn) error {
		if _, err := io.WriteString(nc, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		_, err := io.ReadAtLeast(nc, make([]byte, 1000), 15)
		return err
	}
	if err := ask(first); err != nil {
		t.Fatal(err)
	}
	if err := ask(dial()); err == nil {
		t.Error("a second connection is served")
	}
	if err := ask(first); err != nil {
		t.Errorf("the first connection: %v", err)
	}
	_ = first.Close()
	for ask(dial()) != nil { // until its end is noticed
	}
}

// A body that does not move holds up nothing for long, whatever becomes of its request.
func TestSilentBodies(t *testing.T) {
	t.Parallel()
	const rest = "Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{"
	for name, head := range map[string]string{
		"call":                  "POST /S/Note HTTP/1.1\r\nHost: x\r\n",
		"foreign page":          "POST /S/Note HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.com\r\n",
		"page":                  "POST /page HTTP/1.1\r\nHost: localhost\r\n",
		"page of any host":      "POST /page HTTP/1.1\r\nHost: x\r\n",
		"health":                "GET /healthz HTTP/1.1\r\nHost: x\r\n",
		"options of everything": "OPTIONS * HTTP/1.1\r\nHost: x\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, proxy.Config{MaxRequests: 1, Client: client.Option{Limits: protocol.Limits{Stall: 50 * time.Millisecond}}})
			err := w.proxy.HandleHTTP("/page", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") }))
			if err != nil {
				t.Fatal(err)
			}
			nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(patience))
			if _, err := io.WriteString(nc, head+rest); err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(nc)
			if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 ") {
				t.Errorf("%q, %v", text, err)
			}
			w.post("/S/Note", "").want(t, 200, "{}")
		})
	}
}

// A client that takes no answer holds no place for long; a page that has little to say does.
func TestSlowPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{MaxRequests: 1, Client: client.Option{WriteTimeout: 50 * time.Millisecond}})
	goOn, ended := make(chan struct{}), make(chan struct{}, 1)
	pages := map[string]http.HandlerFunc{
		"GET /large": func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 10 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					break
				}
			}
			ended <- struct{}{}
		},
		"GET /events": func(w http.ResponseWriter, _ *http.Request) {
			for range 2 {
				_, _ = io.WriteString(w, "event\n")
				_ = http.NewResponseController(w).Flush()
				<-goOn
			}
		},
	}
	for pattern, h := range pages {
		if err := w.proxy.HandleHTTP(pattern, h); err != nil {
			t.Fatal(err)
		}
	}
	nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := io.WriteString(nc, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	receive(t, ended, "the end of the page")
	for w.post("/S/Note", "").status != 200 { // until the handler has returned
	}

	res, err := http.Get(w.url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for range 2 {
		if line, err := lines.ReadString('\n'); err != nil || line != "event\n" {
			t.Errorf("%q, %v", line, err)
		}
		<-time.After(100 * time.Millisecond) // longer than a piece may take
		goOn <- struct{}{}
	}
}

// Each caller has a rate of its own, by the address that the proxy in front tells.
func TestPeerRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{
		PeerRate:   proxy.Rate{PerSecond: 0.001, Burst: 1},
		ClientAddr: func(r *http.Request) netip.Addr { a, _ := netip.ParseAddr(r.Header.Get("X-Real-IP")); return a },
	})
	for _, tt := range []struct {
		ip     string
		status int
	}{{"10.0.0.1", 200}, {"10.0.0.1", 429}, {"10.0.0.2", 200}, {"2001:db8::1", 200}, {"2001:db8::2", 429}, {"", 200}, {"?", 429}} {
		w.post("/S/Note", "", "X-Real-IP", tt.ip).want(t, tt.status, "")
		if tt.status != 200 {
			continue
		}
		want := tt.ip
		if want == "" {
			want = "127.0.0.1"
		}
		if got := receive(t, w.calls, "the call").Meta["x-forwarded-for"]; got != want {
			t.Errorf("forwarded for %q, want %q", got, want)
		}
	}
}
