// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/ws"
)

// way is one into a server. Those over UDP are tested with their transports, by package
// calltest.
type way struct {
	network string // "": tcp
	secure  bool   // by TLS
	call    func(t *testing.T, e *entrance, token string) outcome
}

// outcome is that of a call: the product of 6 and 7, or the code of an error as the form
// of the call says it, "closed" if the server has said nothing.
type outcome struct{ result, code string }

const (
	fortyTwo = `{"A":6,"B":7}`
	closed   = "closed"
)

// waysIn returns every form of call over everything that carries it.
func waysIn() map[string]way {
	ways := map[string]way{
		"Dispatch":             {call: dispatch},
		"frame":                {call: frameOver(asItIs)},
		"frame, TLS":           {secure: true, call: frameOver(asItIs)},
		"frame, unix":          {network: "unix", call: frameOver(asItIs)},
		"frame, CONNECT":       {call: frameOver(connect)},
		"frame, CONNECT, TLS":  {secure: true, call: frameOver(connect)},
		"frame, ws as text":    {call: frameOver(webSocket(websocket.TextFrame))},
		"frame, ws as binary":  {call: frameOver(webSocket(websocket.BinaryFrame))},
		"frame, wss as text":   {secure: true, call: frameOver(webSocket(websocket.TextFrame))},
		"frame, wss as binary": {secure: true, call: frameOver(webSocket(websocket.BinaryFrame))},
	}
	for name, form := range formsOverHTTP() {
		for _, version := range []int{1, 2} {
			for _, secure := range []bool{false, true} {
				ways[fmt.Sprintf("%s, HTTP/%d%s", name, version, map[bool]string{true: ", TLS"}[secure])] = way{
					secure: secure, call: overHTTP(version, form),
				}
			}
		}
	}
	return ways
}

// Whatever way a call comes in, the same rules hold for it.
func TestEveryWayIn(t *testing.T) {
	t.Parallel()
	auth := server.WithAuth(middleware.Auth(middleware.AuthConfig{
		Identify: middleware.Tokens(map[string]string{"right": "me"}),
	}))
	block := middleware.NewIPList(middleware.IPListConfig{Block: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	refuse := rpcx.Interceptor{Unary: func(rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(context.Context, *rpcx.Call) error { return rpcx.Errorf(rpcx.Aborted, "not today") }
	}}
	panics := rpcx.Interceptor{Unary: func(rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(context.Context, *rpcx.Call) error { panic("boom") }
	}}
	rules := map[string]struct {
		opts   []server.Option
		token  string
		before []outcome // of calls that come first
		want   outcome
	}{
		"open":            {want: outcome{"42", ""}},
		"no token":        {opts: []server.Option{auth}, want: outcome{"", "unauthenticated"}},
		"wrong token":     {opts: []server.Option{auth}, token: "bearer wrong", want: outcome{"", "unauthenticated"}},
		"right token":     {opts: []server.Option{auth}, token: "bearer right", want: outcome{"42", ""}},
		"denied address":  {opts: []server.Option{server.WithAccess(nobody{})}, want: outcome{"", closed}},
		"blocked address": {opts: []server.Option{server.WithInterceptor(block.Interceptor())}, want: outcome{"", "permission_denied"}},
		"over the limit": {
			opts:   []server.Option{server.WithRateLimit(spent())},
			before: []outcome{{"42", ""}, {"", "resource_exhausted"}}, want: outcome{"", "resource_exhausted"},
		},
		"interceptor": {opts: []server.Option{server.WithInterceptor(refuse)}, want: outcome{"", "aborted"}},
		"panic":       {opts: []server.Option{server.WithInterceptor(panics)}, want: outcome{"", "internal"}},
	}
	ca := transporttest.NewCA(t)
	for way, in := range waysIn() {
		for name, r := range rules {
			want := r.want
			switch {
			case name == "denied address" && way == "Dispatch": // there is no connection to close
				want = outcome{"", "permission_denied"}
			case name == "blocked address" && in.network == "unix": // whose callers have no address
				want = outcome{"42", ""}
			}
			t.Run(way+"/"+name, func(t *testing.T) {
				t.Parallel()
				e := enter(t, in, ca, r.opts...)
				for i, want := range append(r.before, want) {
					if got := in.call(t, e, r.token); got != want {
						t.Errorf("call %d: %q, want %q", i, got, want)
					}
				}
			})
		}
	}
}

// nobody is a list of no addresses.
type nobody struct{}

func (nobody) Permits(net.Addr) bool { return false }

// entrance is a server with every way in on one port.
type entrance struct {
	*world
	client *tls.Config // nil: plain
}

func enter(t *testing.T, in way, ca *transporttest.CA, opts ...server.Option) *entrance {
	t.Helper()
	e := &entrance{world: &world{network: "tcp", addr: "127.0.0.1:0"}}
	if in.network == "unix" {
		folder, err := os.MkdirTemp("", "rpcx") // whose path is short enough for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(folder) })
		e.network, e.addr = in.network, filepath.Join(folder, "s")
	}
	if in.secure {
		opts, e.client = append(opts[:len(opts):len(opts)], server.WithTLSConfig(ca.Server())), ca.Client()
		e.client.ServerName = transporttest.ServerName
	}
	start(t, e.world, opts).arith()
	tunnel, socket := httpconnect.NewHandler(), ws.NewHandler(ws.Config{})
	for pattern, h := range map[string]http.Handler{"CONNECT /_rpcx_": tunnel, "GET /_rpcx_": socket} {
		if err := e.HandleHTTP(pattern, h); err != nil {
			t.Fatal(err)
		}
	}
	served := make(chan error, 2)
	go func() { served <- e.ServeListener("http", tunnel) }()
	go func() { served <- e.ServeListener("ws", socket) }()
	t.Cleanup(func() {
		_ = e.Close() // start looks at what it returns
		<-served
		<-served
	})
	return e
}

// dial opens a connection, with TLS if that is what the server wants.
func (e *entrance) dial(t *testing.T, protocols ...string) net.Conn {
	t.Helper()
	nc := e.dialNet(t)
	if e.client != nil {
		config := e.client.Clone()
		config.NextProtos = protocols
		nc = tls.Client(nc, config)
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	return nc
}

func dispatch(t *testing.T, e *entrance, token string) outcome {
	t.Helper()
	peer := rpcx.Peer{Network: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}}
	m, err := e.Dispatch(t.Context(), peer, with(request("Arith", "Mul", fortyTwo), "__AUTH", token))
	if err != nil {
		return outcome{"", codeName(err)}
	}
	return outcome{product(string(m.Payload)), ""}
}

func codeName(err error) string {
	return strings.ReplaceAll(rpcx.CodeOf(err).String(), " ", "_")
}

func product(text string) string { return strings.Trim(text, "{\"C:}\n") }

// A carrier makes of a fresh connection one that carries frames.
type carrier func(t *testing.T, e *entrance) (net.Conn, error)

func asItIs(t *testing.T, e *entrance) (net.Conn, error) { return e.dial(t), nil }

func connect(t *testing.T, e *entrance) (net.Conn, error) {
	nc := e.dial(t)
	if _, err := io.WriteString(nc, "CONNECT /_rpcx_ HTTP/1.0\n\n"); err != nil {
		return nil, err
	}
	answer := make([]byte, len("HTTP/1.0 200 Connected to rpcx\n\n"))
	_, err := io.ReadFull(nc, answer)
	return nc, err
}

func webSocket(kind byte) carrier {
	return func(t *testing.T, e *entrance) (net.Conn, error) {
		config, err := websocket.NewConfig("ws://"+e.addr+"/_rpcx_", "http://"+e.addr)
		if err != nil {
			return nil, err
		}
		if e.client != nil {
			config.Origin.Scheme = "https"
		}
		socket, err := websocket.NewClient(config, e.dial(t, "http/1.1"))
		if err != nil {
			return nil, err
		}
		socket.PayloadType = kind
		return socket, nil
	}
}

func frameOver(carry carrier) func(*testing.T, *entrance, string) outcome {
	return func(t *testing.T, e *entrance, token string) outcome {
		nc, err := carry(t, e)
		if err != nil {
			return outcome{"", closed}
		}
		defer nc.Close()
		_, _ = nc.Write(encode(t, with(request("Arith", "Mul", fortyTwo), "__AUTH", token))) // the answer tells
		f, err := protocol.NewReader(nc, protocol.Limits{}).Next()
		if err != nil {
			return outcome{"", closed}
		}
		if m := f.Message(); m.Status == protocol.Error {
			return outcome{"", codeName(rpcx.FromWire(m.Metadata))}
		}
		return outcome{product(string(f.Payload)), ""}
	}
}

// formOverHTTP is a form of call, as a request and what its answer says.
type formOverHTTP struct {
	method, path, body string
	headers            []string
	tokenInMetadata    bool
	read               func(r *http.Response, body []byte) (outcome, error)
}

func formsOverHTTP() map[string]formOverHTTP {
	invoke := []string{"X-RPCX-SerializeType", "1", "X-RPCX-ServicePath", "Arith", "X-RPCX-ServiceMethod", "Mul"}
	byHeaders := func(r *http.Response, body []byte) (outcome, error) {
		return outcome{product(string(body)), r.Header.Get("X-RPCX-ErrorCode")}, nil
	}
	byProblem := func(r *http.Response, body []byte) (outcome, error) {
		if r.StatusCode == http.StatusOK {
			return outcome{product(string(body)), ""}, nil
		}
		var p struct{ Code string }
		err := json.Unmarshal(body, &p)
		return outcome{"", p.Code}, err
	}
	byRPC := func(_ *http.Response, body []byte) (outcome, error) {
		var answer struct {
			Result *Reply
			Error  struct{ Data struct{ Code string } }
		}
		err := json.Unmarshal(bytes.Trim(body, "[]"), &answer)
		if answer.Result != nil {
			return outcome{fmt.Sprint(answer.Result.C), ""}, err
		}
		return outcome{"", answer.Error.Data.Code}, err
	}
	asJSON := []string{"Content-Type", jsonType}
	const one = `{"jsonrpc":"2.0","method":"Arith.Mul","params":` + fortyTwo + `,"id":1}`
	return map[string]formOverHTTP{
		"invoke":             {method: "POST", path: "/", body: fortyTwo, headers: invoke, read: byHeaders},
		"invoke by PUT":      {method: "PUT", path: "/", body: fortyTwo, headers: invoke, tokenInMetadata: true, read: byHeaders},
		"plain JSON":         {method: "POST", path: "/Arith/Mul", body: fortyTwo, headers: asJSON, read: byProblem},
		"JSON-RPC":           {method: "POST", path: "/", body: one, headers: asJSON, read: byRPC},
		"JSON-RPC by header": {method: "POST", path: "/", body: one, headers: []string{"X-JSONRPC-2.0", "true"}, read: byRPC},
		"JSON-RPC batch":     {method: "POST", path: "/", body: "[" + one + "]", headers: []string{"Content-Type", "application/json-rpc"}, read: byRPC},
	}
}

func overHTTP(version int, form formOverHTTP) func(*testing.T, *entrance, string) outcome {
	return func(t *testing.T, e *entrance, token string) outcome {
		t.Helper()
		scheme := "http://"
		tr := &http.Transport{Protocols: new(http.Protocols)}
		defer tr.CloseIdleConnections()
		tr.Protocols.SetHTTP1(version == 1)
		if e.client != nil {
			scheme, tr.TLSClientConfig = "https://", e.client
			tr.Protocols.SetHTTP2(version == 2)
		} else {
			tr.Protocols.SetUnencryptedHTTP2(version == 2)
		}
		r, err := http.NewRequestWithContext(t.Context(), form.method, scheme+e.addr+form.path, strings.NewReader(form.body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(form.headers); i += 2 {
			r.Header.Set(form.headers[i], form.headers[i+1])
		}
		switch {
		case form.tokenInMetadata:
			r.Header.Set("X-RPCX-Meta", "__AUTH="+strings.ReplaceAll(token, " ", "+"))
		case token != "":
			r.Header.Set("Authorization", token)
		}
		res, err := (&http.Client{Transport: tr, Timeout: patience}).Do(r)
		if err != nil {
			return outcome{"", closed}
		}
		defer res.Body.Close()
		if res.ProtoMajor != version {
			t.Errorf("answered by %s", res.Proto)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := form.read(res, body)
		if err != nil {
			t.Errorf("%v in %.100q", err, body)
		}
		return got
	}
}
