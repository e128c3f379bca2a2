// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/ws"
)

// A server that knows its names serves no page whose own name points to it, whatever that
// asks for.
func TestForeignHosts(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithHTTPHosts("app.example", "calls.example:8972")).arith()
	page := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "secret") })
	for pattern, h := range map[string]http.Handler{"GET /page": page, ws.DefaultPath: ws.NewHandler(ws.Config{})} {
		if err := w.HandleHTTP(pattern, h); err != nil {
			t.Fatal(err)
		}
	}
	const socket = "GET /_rpcx_ HTTP/1.1\r\nHost: evil.example:8972\r\nOrigin: http://evil.example:8972\r\nUpgrade: websocket\r\n" +
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	const call = "POST /Arith/Mul HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n"
	get := func(host string) string {
		return "GET /page HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"
	}
	for name, tt := range map[string]struct {
		send   string
		status int
	}{
		"page":                 {get("evil.example:8972"), 421},
		"page by an absolute":  {"GET http://evil.example/page HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n", 421},
		"call":                 {call + "Host: evil.example\r\n\r\n{}", 421},
		"JSON-RPC":             {"POST / HTTP/1.1\r\nHost: evil.example\r\nX-JSONRPC-2.0: true\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", 421},
		"preflight":            {"OPTIONS /Arith/Mul HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n", 421},
		"WebSocket":            {socket, 421},
		"two hosts":            {"GET /page HTTP/1.1\r\nHost: app.example\r\nHost: evil.example\r\n\r\n", 400},
		"another port":         {get("calls.example:80"), 421},
		"known":                {get("app.example"), 200},
		"known, with any port": {get("APP.example:1234"), 200},
		"known, with its port": {get("calls.example:8972"), 200},
		"address":              {get("10.1.2.3:8972"), 200},
		"localhost":            {get("localhost:8972"), 200},
		"none":                 {"GET /page HTTP/1.0\r\n\r\n", 200},
		"call of a page of it": {call + "Host: app.example\r\nOrigin: https://app.example\r\n\r\n{}", 200},
		"of another of it":     {call + "Host: app.example\r\nOrigin: https://calls.example\r\n\r\n{}", 403},
	} {
		nc := w.dialNet(t)
		_ = nc.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(nc, tt.send); err != nil {
			t.Fatal(err)
		}
		line := make([]byte, len("HTTP/1.1 200"))
		_, err := io.ReadFull(nc, line)
		nc.Close()
		if got := string(line); err != nil || !strings.HasPrefix(got, "HTTP/1.") || got[9:] != fmt.Sprint(tt.status) {
			t.Errorf("%s: answered %q, %v, want %d", name, got, err, tt.status)
		}
	}
}

func TestBadHosts(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"", "https://app.example", "*.example"} {
		err := server.NewServer(server.WithHTTPHosts(host)).Serve("tcp", "127.0.0.1:0")
		if err == nil || errors.Is(err, server.ErrServerClosed) || !strings.Contains(err.Error(), "host") {
			t.Errorf("%q: Serve returned %v", host, err)
		}
	}
}
