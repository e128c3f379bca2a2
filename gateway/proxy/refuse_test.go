// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/protocol"
)

// Every way of refusing: no service is called, and who asked learns why.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	spent := proxy.Rate{PerSecond: 0.001, Burst: 1}
	open := proxy.Config{Origins: []string{app}, Hosts: []string{"gw.example.com"}}
	invoked := []string{"X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "S", "X-RPCX-ServiceMethod", "Note"}
	tests := map[string]struct {
		config  proxy.Config
		method  string // "": POST
		path    string // "": /S/Note
		body    string
		headers []string
		first   bool // make a good call before
		status  int  // 200: it is no refusal, but the exception to one
		part    string
	}{
		// Origins.
		"no origin":                      {status: 200},
		"foreign origin":                 {headers: []string{"Origin", app}, status: 403, part: "is not allowed"},
		"foreign origin, invoke":         {headers: append([]string{"Origin", app}, invoked...), status: 403},
		"origin null":                    {headers: []string{"Origin", "null"}, status: 403},
		"allowed origin":                 {config: open, headers: []string{"Origin", app}, status: 200},
		"any origin":                     {config: proxy.Config{Origins: []string{"*"}}, headers: []string{"Origin", app}, status: 200},
		"origin that looks like it":      {config: open, headers: []string{"Origin", app + ".evil.com"}, status: 403},
		"other scheme":                   {config: open, headers: []string{"Origin", "http://app.example.com"}, status: 403},
		"own page":                       {headers: []string{"Origin", "http://localhost:1", "Host", "localhost:1"}, status: 200},
		"own page of a known host":       {config: open, headers: []string{"Origin", "http://gw.example.com", "Host", "gw.example.com"}, status: 200},
		"other port of the own host":     {headers: []string{"Origin", "http://localhost:2", "Host", "localhost:1"}, status: 403},
		"own page of a host of evil's":   {headers: []string{"Origin", "http://evil.com", "Host", "evil.com"}, status: 403},
		"preflight of a foreign origin":  {method: "OPTIONS", headers: []string{"Origin", app, "Access-Control-Request-Method", "POST"}, status: 200},
		"simple request: text":           {headers: []string{"Content-Type", "text/plain"}, status: 415},
		"simple request: form":           {headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415},
		"simple request: GET":            {method: "GET", status: 405},
		"GET by headers without a body":  {method: "GET", path: "/", headers: invoked, status: 400},
		"simple request to the JSON-RPC": {path: "/", body: `{"jsonrpc":"2.0","method":"S.Note","params":{},"id":1}`, headers: []string{"Content-Type", "text/plain"}, status: 404},
		"method that is none of a call":  {method: "DELETE", status: 405},

		// Hosts.
		"any host, calls only":   {headers: []string{"Host", "evil.com"}, status: 200},
		"foreign host":           {config: open, headers: []string{"Host", "evil.com"}, status: 421, part: "nothing is served"},
		"known host":             {config: open, headers: []string{"Host", "GW.example.com"}, status: 200},
		"known host with a port": {config: open, headers: []string{"Host", "gw.example.com:8080"}, status: 200},
		"subdomain":              {config: open, headers: []string{"Host", "x.gw.example.com"}, status: 421},
		"IP address":             {config: open, headers: []string{"Host", "[::1]:80"}, status: 200},
		"page under any host":    {method: "GET", path: "/page", headers: []string{"Host", "evil.com"}, status: 421, part: "not among those"},
		"page":                   {method: "GET", path: "/page", status: 200},
		"no page":                {method: "GET", path: "/none", status: 404},

		// Bounds.
		"body too large":          {config: proxy.Config{MaxBody: 10}, body: `{"a":"0123456789"}`, status: 413, part: "limit of 10 bytes"},
		"rate exceeded":           {config: proxy.Config{Rate: spent}, first: true, status: 429, part: "too fast"},
		"rate of a peer exceeded": {config: proxy.Config{PeerRate: spent}, first: true, status: 429, part: "too fast"},
		"rate, JSON-RPC batch":    {config: proxy.Config{Rate: spent}, path: "/", body: batch(2), status: 200, part: "too fast"},
		"metadata too large":      {headers: []string{"X-RPCX-Meta", "k=" + strings.Repeat("v", 40<<10)}, status: 431},
		"name too long":           {path: "/" + strings.Repeat("s", 2000) + "/M", status: 400, part: "name of more"},

		// Names.
		"unknown service":          {path: "/Nobody/M", status: 404, part: "can't find service Nobody"},
		"unknown method":           {path: "/S/M", status: 404, part: "can't find method M"},
		"service of the protocol":  {path: "/_rpcx/cancel", status: 404, part: "can't find service"},
		"service not allowed":      {config: proxy.Config{Allow: []string{"Arith.*"}}, status: 404, part: "can't find service S"},
		"method not allowed":       {config: proxy.Config{Allow: []string{"S.Echo"}}, status: 404, part: "can't find service S"},
		"service allowed":          {config: proxy.Config{Allow: []string{"S.*"}}, status: 200},
		"method allowed":           {config: proxy.Config{Allow: []string{"S.Note"}}, status: 200},
		"path of one part":         {path: "/S", status: 404},
		"path that begins nowhere": {path: "//Note", status: 404},

		// Identity.
		"not identified":            {config: identify(errors.New("who?")), status: 401, part: "who?"},
		"identified, may not":       {config: identify(rpcx.Errorf(rpcx.PermissionDenied, "not you")), status: 403, part: "not you"},
		"not identified, invoke":    {config: identify(errors.New("who?")), path: "/", headers: invoked, status: 401},
		"compressed in a wrong way": {headers: []string{"Content-Encoding", "gzip"}, body: "{}", status: 400},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.config)
			err := w.proxy.HandleHTTP("GET /page", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") }))
			if err != nil {
				t.Fatal(err)
			}
			if tt.first {
				w.post("/S/Note", "").want(t, 200, "")
				receive(t, w.calls, "the first call")
			}
			method, path := tt.method, tt.path
			if method == "" {
				method = http.MethodPost
			}
			if path == "" {
				path = "/S/Note"
			}
			headers := tt.headers
			if !strings.Contains(fmt.Sprint(headers), "Content-Type") && method == http.MethodPost {
				headers = append([]string{"Content-Type", "application/json"}, headers...)
			}
			a := w.ask(method, path, tt.body, headers...)
			a.want(t, tt.status, tt.part)
			called := len(w.calls) > 0
			if called != (tt.status == 200 && method == http.MethodPost && (tt.part == "" || tt.part == "too fast")) {
				t.Errorf("a service was called: %v", called)
			}
			if a.header.Get("Access-Control-Allow-Origin") != "" && len(tt.config.Origins) == 0 && !strings.HasPrefix(name, "own page") {
				t.Errorf("allows an origin: %v", a.header)
			}
			if a.status == 401 && a.header.Get("WWW-Authenticate") == "" || (a.status == 429 || a.status == 503) && a.header.Get("Retry-After") == "" {
				t.Errorf("no hint: %v", a.header)
			}
		})
	}
}

func identify(err error) proxy.Config {
	return proxy.Config{Identify: func(*http.Request) (rpcx.Metadata, error) { return rpcx.Metadata{}, err }}
}

// batch is n calls as one request of JSON-RPC.
func batch(n int) string {
	calls := make([]string, n)
	for i := range calls {
		calls[i] = fmt.Sprintf(`{"jsonrpc":"2.0","method":"S.Note","params":{},"id":%d}`, i)
	}
	return "[" + strings.Join(calls, ",") + "]"
}

// Browsers are told what they ask.
func TestPreflight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, proxy.Config{Origins: []string{"https://app.example.com"}})
	a := w.ask(http.MethodOptions, "/S/Note", "", "Origin", "https://app.example.com",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		a.header.Get("Access-Control-Allow-Headers") != "content-type" || !strings.Contains(fmt.Sprint(a.header.Values("Vary")), "Origin") {
		t.Errorf("%d %v", a.status, a.header)
	}
}

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

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	tests := map[string]proxy.Config{
		"MaxBody":     {MaxBody: -1},
		"Limits":      {MaxBody: 64 << 20},
		"MaxBodies":   {MaxBodies: 1},
		"Timeout":     {Timeout: -1},
		"MaxServices": {MaxServices: -1},
		"Hosts":       {Hosts: []string{"*"}},
		"pushes":      {Client: client.Option{Pushes: make(chan *protocol.Message)}},
	}
	for name, c := range tests {
		p, err := proxy.New(client.Failover, client.RandomSelect, client.NewMultipleServersDiscovery(nil), c)
		if p != nil || !errors.Is(err, rpcx.InvalidArgument) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if _, err := proxy.New(client.Failover, client.RandomSelect, nil, proxy.Config{}); !errors.Is(err, rpcx.InvalidArgument) {
		t.Errorf("no resolver: %v", err)
	}
	p, err := proxy.New(client.Failover, client.RandomSelect, client.NewMultipleServersDiscovery(nil), proxy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.HandleHTTP("GET  x", http.NotFoundHandler()); err == nil {
		t.Error("a malformed pattern is no error")
	}
}
