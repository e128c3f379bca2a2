// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
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
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// webReply is a response without its body.
type webReply struct {
	StatusCode, ProtoMajor int
	Proto                  string
	Header                 http.Header
	Uncompressed           bool
}

func newWebReply(r *http.Response) webReply {
	return webReply{r.StatusCode, r.ProtoMajor, r.Proto, r.Header, r.Uncompressed}
}

// do makes a request and returns the response and its body.
func (w *world) do(t testing.TB, client *http.Client, method, path, body string, headers ...string) (webReply, string) {
	t.Helper()
	scheme := "http://"
	if tr := client.Transport.(*http.Transport); tr.TLSClientConfig != nil && tr.TLSClientConfig.RootCAs != nil { // package http sets one of its own
		scheme = "https://"
	}
	r, err := http.NewRequestWithContext(t.Context(), method, scheme+w.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	r.Host = r.Header.Get("Host") // else package http sends that of the URL
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return newWebReply(res), string(text)
}

func newHTTPClient(t testing.TB) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

// post makes a POST request.
func (w *world) post(t testing.TB, path, body string, headers ...string) (webReply, string) {
	t.Helper()
	return w.do(t, newHTTPClient(t), http.MethodPost, path, body, headers...)
}

const jsonType = "application/json"

// An address that may not connect gets not a byte, whatever it wants to speak (Q47).
func TestDeniedAddressQ47(t *testing.T) {
	block := middleware.NewIPList(middleware.IPListConfig{Block: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	w := onTCP(t, server.WithAccess(block)).arith()
	for name, begin := range map[string]string{
		"frame":    string(encode(t, request("Arith", "Mul", `{"A":6,"B":7}`))),
		"plain":    "POST /Arith/Mul HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		"JSON-RPC": "POST / HTTP/1.1\r\nHost: h\r\nX-JSONRPC-2.0: true\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/2":   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		nc := w.dialNet(t)
		_, _ = io.WriteString(nc, begin) // it may be closed already
		if got := drainAll(nc); len(got) > 0 {
			t.Errorf("%s: answered %q", name, got)
		}
	}
	peer := rpcx.Peer{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	if _, err := w.Dispatch(t.Context(), peer, request("Arith", "Mul", `{}`)); !errors.Is(err, rpcx.PermissionDenied) || !rpcx.SafeToRetry(err) {
		t.Errorf("Dispatch: %v", err)
	}
}

// Behind TLS the port is the same, and handlers see who the peer is (R6).
func TestOnePortWithTLSR6(t *testing.T) {
	ca := transporttest.NewCA(t)
	w := onTCP(t, server.WithTLSConfig(ca.Server()))
	w.handle("Who", func(ctx context.Context, _ *Args, r *Reply) error {
		if p, ok := rpcx.PeerFrom(ctx); ok && p.TLS != nil && p.TLS.HandshakeComplete && p.Addr != nil && p.Local != nil {
			r.C = 1
		}
		return nil
	})
	for _, h2 := range []bool{false, true} {
		c := newHTTPClient(t)
		tr := c.Transport.(*http.Transport)
		tr.TLSClientConfig, tr.ForceAttemptHTTP2 = ca.Client(), h2
		for range 2 {
			res, text := w.do(t, c, http.MethodPost, "/S/Who", "{}", "Content-Type", jsonType)
			if text != `{"C":1}` || (res.ProtoMajor == 2) != h2 {
				t.Errorf("h2 %v: %s %q", h2, res.Proto, text)
			}
		}
	}
	for _, protos := range [][]string{nil, {"rpcx"}, {"http/1.0"}} {
		config := ca.Client()
		config.NextProtos, config.ServerName = protos, "127.0.0.1"
		nc := tls.Client(w.dialNet(t), config)
		if got := newPeer(t, nc).call(request("S", "Who", "{}")); string(got.Payload) != `{"C":1}` {
			t.Errorf("frames with ALPN %q: %s", protos, got.Payload)
		}
	}
}

// A connection of frames is a bare socket, whatever else the port understands (R6).
func TestFramesStayBareR6(t *testing.T) {
	w := onTCP(t).arith()
	p := w.dial(t)
	p.call(request("Arith", "Mul", `{"A":6,"B":7}`))
	if nc, ok := w.onlyConn().NetConn().(*net.TCPConn); !ok {
		t.Errorf("the connection is a %T", nc)
	}
}

func TestWithoutHTTP(t *testing.T) {
	w := onTCP(t, server.WithoutHTTP()).arith()
	nc := w.dialNet(t)
	_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: h\r\n\r\n        ")
	if got := drainAll(nc); len(got) > 0 {
		t.Errorf("answered %q", got)
	}
	w.mustWork(t)
}

// What a page in a browser can send to any site by itself is no call.
func TestBrowsers(t *testing.T) {
	const rpc = `{"jsonrpc":"2.0","method":"Arith.Mul","params":{"A":6,"B":7},"id":1}`
	const args = `{"A":6,"B":7}`
	invoke := []string{"X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "Arith", "X-RPCX-ServiceMethod", "Mul"}
	tests := map[string]struct {
		method, path, body string
		headers            []string
		status             int
	}{
		"text":                 {"POST", "/Arith/Mul", args, []string{"Content-Type", "text/plain"}, 415},
		"form":                 {"POST", "/Arith/Mul", args, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"blob without a type":  {"POST", "/Arith/Mul", args, nil, 415},
		"JSON hidden in text":  {"POST", "/Arith/Mul", args, []string{"Content-Type", "text/plain; a=application/json"}, 415},
		"image":                {"GET", "/Arith/Mul?A=6&B=7", "", nil, 405},
		"JSON-RPC as text":     {"POST", "/", rpc, []string{"Content-Type", "text/plain"}, 415},
		"JSON-RPC as image":    {"GET", "/?method=Arith.Mul", "", nil, 404},
		"foreign page":         {"POST", "/Arith/Mul", args, []string{"Content-Type", jsonType, "Origin", "https://evil.example"}, 403},
		"foreign page, invoke": {"POST", "/", args, append([]string{"Origin", "https://evil.example"}, invoke...), 403},
		"foreign page, RPC":    {"POST", "/", rpc, []string{"X-JSONRPC-2.0", "true", "Origin", "null"}, 403},
		"rebound GET":          {"GET", "/", "", append([]string{"Host", "evil.example"}, invoke...), 400},
		"preflight":            {"OPTIONS", "/Arith/Mul", "", []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "POST"}, 200},
		"page of ours":         {"POST", "/Arith/Mul", args, []string{"Content-Type", jsonType, "Origin", "https://app.example"}, 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := onTCP(t, server.WithHTTPOrigins("https://app.example"))
			ran := make(chan struct{}, 1)
			err := server.Handle(w.Server, "Arith", "Mul", func(context.Context, *Args, *Reply) error { ran <- struct{}{}; return nil })
			if err != nil {
				t.Fatal(err)
			}
			res, text := w.do(t, newHTTPClient(t), tt.method, tt.path, tt.body, tt.headers...)
			allow := res.Header.Get("Access-Control-Allow-Origin")
			ours := name == "page of ours"
			if res.StatusCode != tt.status || (len(ran) > 0) != ours || (allow != "") != ours {
				t.Errorf("%d %q, allowed %q, ran %d times; want %d", res.StatusCode, text, allow, len(ran), tt.status)
			}
		})
	}
}

// A page that the server itself has served may call, where its name cannot be a stranger's.
func TestOwnPage(t *testing.T) {
	t.Parallel()
	w := onTCP(t).arith()
	for origin, want := range map[string]int{"http://" + w.addr: 200, "https://" + w.addr: 403, "http://127.0.0.1:1": 403} {
		res, text := w.do(t, newHTTPClient(t), "POST", "/Arith/Mul", `{"A":6,"B":7}`, "Content-Type", jsonType, "Origin", origin)
		if res.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", origin, res.StatusCode, text, want)
		}
	}
	for host, want := range map[string]int{"evil.example": 403, "evil.example:8972": 403, "localhost": 200} {
		res, text := w.do(t, newHTTPClient(t), "POST", "/Arith/Mul", `{"A":6,"B":7}`,
			"Content-Type", jsonType, "Host", host, "Origin", "http://"+host)
		if res.StatusCode != want {
			t.Errorf("as %s, which may be made to point here: %d %s, want %d", host, res.StatusCode, text, want)
		}
	}
}

// Over TLS the certificate says whose page it is.
func TestOwnPageWithTLS(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	w := onTCP(t, server.WithTLSConfig(ca.Server())).arith()
	for _, h2 := range []bool{false, true} {
		c := newHTTPClient(t)
		tr := c.Transport.(*http.Transport)
		tr.TLSClientConfig, tr.ForceAttemptHTTP2 = ca.Client(), h2
		for origin, want := range map[string]int{"https://" + w.addr: 200, "http://" + w.addr: 403, "https://evil.example": 403} {
			res, text := w.do(t, c, "POST", "/Arith/Mul", `{"A":6,"B":7}`, "Content-Type", jsonType, "Origin", origin)
			if res.StatusCode != want || (res.ProtoMajor == 2) != h2 {
				t.Errorf("%s by %s: %d %s, want %d", origin, res.Proto, res.StatusCode, text, want)
			}
		}
	}
}

func TestPlainProblems(t *testing.T) {
	w := onTCP(t).arith()
	w.handle("Fail", func(ctx context.Context, a *Args, _ *Reply) error {
		_ = rpcx.SetReplyMetadata(ctx, "k", "v\r\nX-Evil: 1")
		return rpcx.Errorf(rpcx.Code(a.A), "no").WithDetail("why", "so").WithPause(1500 * time.Millisecond)
	})
	tests := map[string]struct {
		path, body string
		status     int
		code       string
	}{
		"unknown service": {"/Nope/Mul", `{}`, 404, "unimplemented"},
		"unknown method":  {"/Arith/Nope", `{}`, 404, "unimplemented"},
		"not JSON":        {"/Arith/Mul", `{`, 400, "invalid_argument"},
		"wrong type":      {"/Arith/Mul", `{"A":"x"}`, 400, "invalid_argument"},
		"no method":       {"/Arith", `{}`, 404, "not_found"},
		"plain error":     {"/Arith/Fail", `{}`, 500, "unknown"},
		"control service": {"/_rpcx/cancel", `{}`, 404, "unimplemented"},
		"traversal":       {"/..%2f..%2fArith/Mul", `{}`, 404, "unimplemented"},
	}
	statuses := []int{1: 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 404, 500, 503, 500, 401}
	for code, status := range statuses {
		if code > 0 {
			name := strings.ReplaceAll(rpcx.Code(code).String(), " ", "_")
			tests[name] = struct {
				path, body string
				status     int
				code       string
			}{"/S/Fail", fmt.Sprintf(`{"A":%d}`, code), status, name}
		}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			res, text := w.post(t, tt.path, tt.body, "Content-Type", jsonType)
			var p struct {
				Status       int
				Detail, Code string
				Details      map[string]string
			}
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if res.StatusCode != tt.status || p.Status != tt.status || p.Code != tt.code || p.Detail == "" ||
				res.Header.Get("Content-Type") != "application/problem+json" || res.Header.Get("X-Evil") != "" {
				t.Errorf("%d %s %v, want %d with code %s", res.StatusCode, text, res.Header, tt.status, tt.code)
			}
			if tt.path == "/S/Fail" && (p.Details["why"] != "so" || res.Header.Get("Retry-After") != "2") {
				t.Errorf("%s %v", text, res.Header)
			}
		})
	}
}

// Compression works both ways, and what is too large is refused (Q23).
func TestHTTPCompressionQ23(t *testing.T) {
	w := onTCP(t, server.WithLimits(server.Limits{Limits: protocol.Limits{Frame: 64 << 10}}))
	type text struct{ S string }
	err := server.Handle(w.Server, "Echo", "Text", func(_ context.Context, in, out *text) error { out.S = in.S; return nil })
	if err != nil {
		t.Fatal(err)
	}
	pack := func(plain string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, plain)
		_ = z.Close()
		return b.String()
	}
	zip := func(n int) (plain, packed string) {
		plain = `{"S":"` + strings.Repeat("a", n) + `"}`
		return plain, pack(plain)
	}
	plain, packed := zip(10_000)
	c := newHTTPClient(t)
	res, got := w.do(t, c, "POST", "/Echo/Text", packed, "Content-Type", jsonType, "Content-Encoding", "gzip")
	if got != plain || !res.Uncompressed {
		t.Errorf("%d, compressed %v, %.40q", res.StatusCode, res.Uncompressed, got)
	}
	res, got = w.do(t, c, "POST", "/Echo/Text", plain, "Content-Type", jsonType, "Accept-Encoding", "gzip;q=0, identity")
	if got != plain || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d, encoding %q, %.40q", res.StatusCode, res.Header.Get("Content-Encoding"), got)
	}
	_, bomb := zip(10 << 20)
	if res, got = w.do(t, c, "POST", "/Echo/Text", bomb, "Content-Type", jsonType, "Content-Encoding", "gzip"); res.StatusCode != 400 {
		t.Errorf("a bomb: %d %.80q", res.StatusCode, got)
	}
	rpc := func(text string) string {
		return `{"jsonrpc":"2.0","method":"Echo.Text","params":` + text + `,"id":1}`
	}
	res, got = w.do(t, c, "POST", "/", pack(rpc(plain)), "Content-Type", jsonType, "Content-Encoding", "gzip")
	if got != `{"jsonrpc":"2.0","result":`+plain+`,"id":1}` || !res.Uncompressed {
		t.Errorf("JSON-RPC: %d, compressed %v, %.80q", res.StatusCode, res.Uncompressed, got)
	}
	for _, bomb := range []string{rpc(`{"S":"` + strings.Repeat("a", 10<<20) + `"}`), strings.Repeat(" ", 10<<20), "[" + strings.Repeat("[],", 4<<20) + "1]"} {
		if res, got = w.do(t, c, "POST", "/", pack(bomb), "Content-Type", jsonType, "Content-Encoding", "gzip"); res.StatusCode != 413 {
			t.Errorf("a bomb of JSON-RPC: %d %.80q", res.StatusCode, got)
		}
	}
	long, _ := zip(100_000)
	if res, got = w.do(t, c, "POST", "/Echo/Text", long, "Content-Type", jsonType); res.StatusCode != 413 {
		t.Errorf("a long body: %d %.80q", res.StatusCode, got)
	}
}

// A handler's context ends with the client, and with the time that it was given.
func TestHTTPContextEnds(t *testing.T) {
	b := newBlocker()
	w := onTCP(t).handle("Block", b.handle)
	if res, got := w.post(t, "/S/Block", `{}`, "Content-Type", jsonType, "X-RPCX-Timeout", "20"); res.StatusCode != 504 {
		t.Errorf("%d %s", res.StatusCode, got)
	}
	if err := wait(t, "the end of the handler", b.ended); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
	wait(t, "its beginning", b.began)
	nc := w.dialNet(t)
	_, _ = io.WriteString(nc, "POST /S/Block HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	wait(t, "the second call", b.began)
	nc.Close()
	if err := wait(t, "its end", b.ended); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// Shutdown answers what runs, tells the client to leave, and does not wait for those that
// are idle.
func TestHTTPShutdown(t *testing.T) {
	b := newBlocker()
	w := onTCP(t).arith().handle("Block", b.handle)
	idle := newHTTPClient(t)
	if _, got := w.do(t, idle, "POST", "/Arith/Mul", `{"A":6,"B":7}`, "Content-Type", jsonType); got != `{"C":42}` {
		t.Fatal(got)
	}
	answered := make(chan string, 1)
	go func() {
		_, text := w.post(t, "/S/Block", `{"A":6,"B":7}`, "Content-Type", jsonType)
		answered <- text
	}()
	wait(t, "the call", b.began)
	done := make(chan error, 1)
	go func() { done <- w.Shutdown(t.Context()) }()
	eventually(t, "the port is closed", func() bool {
		nc, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.addr)
		if err == nil {
			nc.Close()
		}
		return err != nil
	})
	close(b.release)
	if got := wait(t, "the answer", answered); got != `{"C":42}` {
		t.Errorf("answered %q", got)
	}
	if err := wait(t, "the shutdown", done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if _, err := w.Dispatch(t.Context(), rpcx.Peer{}, request("Arith", "Mul", "{}")); !errors.Is(err, rpcx.Unavailable) || !rpcx.SafeToRetry(err) {
		t.Errorf("Dispatch after Close: %v", err)
	}
}

// A handler beside the calls gets the rest, and may turn a connection into one of frames.
func TestHandleHTTP(t *testing.T) {
	w := onTCP(t).arith()
	err := w.HandleHTTP("/hello", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "hi") }))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	err = w.HandleHTTP("CONNECT /_rpcx_", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		nc, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			served <- err
			return
		}
		_, _ = io.WriteString(nc, "HTTP/1.0 200 Connected to rpcx\n\n")
		served <- w.ServeConn("http", nc)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.HandleHTTP("/hello", http.NotFoundHandler()); err == nil {
		t.Error("a pattern was taken twice")
	}
	c := newHTTPClient(t)
	if _, got := w.do(t, c, "GET", "/hello", ""); got != "hi" {
		t.Errorf("answered %q", got)
	}
	c.CloseIdleConnections()
	nc := w.dialNet(t)
	_, _ = io.WriteString(nc, "CONNECT /_rpcx_ HTTP/1.0\n\n")
	r := bufio.NewReader(nc)
	for range 2 {
		if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "200 Connected to rpcx") && line != "\n" {
			t.Fatalf("%q %v", line, err)
		}
	}
	if got := newPeer(t, nc).call(request("Arith", "Mul", `{"A":6,"B":7}`)); string(got.Payload) != `{"C":42}` {
		t.Errorf("answered %s", got.Payload)
	}
	eventually(t, "one connection is counted", func() bool { return w.Stats().Conns == 1 })
	nc.Close()
	if err := wait(t, "the end of the connection", served); !errors.Is(err, io.EOF) {
		t.Errorf("ServeConn: %v", err)
	}
}

// A handler's values come from the request's context, and no connection of frames.
func TestDispatchContext(t *testing.T) {
	type key struct{}
	type base struct{}
	w := onTCP(t, server.WithBaseContext(context.WithValue(context.Background(), base{}, 2)))
	w.handle("Ctx", func(ctx context.Context, _ *Args, r *Reply) error {
		if ctx.Value(key{}) == 1 && ctx.Value(base{}) == 2 && server.ConnFrom(ctx) == nil {
			r.C = 1
		}
		return nil
	})
	ctx := context.WithValue(t.Context(), key{}, 1)
	m, err := w.Dispatch(ctx, rpcx.Peer{}, request("S", "Ctx", "{}"))
	if err != nil || string(m.Payload) != `{"C":1}` {
		t.Errorf("%s, %v", m.Payload, err)
	}
	m, err = w.Dispatch(ctx, rpcx.Peer{}, oneway(request("S", "Ctx", "{}")))
	if err != nil || m == nil || m.Payload != nil {
		t.Errorf("one-way: %+v, %v", m, err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := w.Dispatch(ended, rpcx.Peer{}, request("S", "Ctx", "{}")); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	long := request(strings.Repeat("s", 2000), "Ctx", "{}")
	if _, err := w.Dispatch(ctx, rpcx.Peer{}, long); !errors.Is(err, rpcx.InvalidArgument) {
		t.Errorf("a long name: %v", err)
	}
	if n := w.Stats().Handlers; n != 0 {
		t.Errorf("%d handlers still run", n)
	}
}
