// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
)

// What is no request ends in time, and costs nobody else anything (Q18).
func TestHostileHTTPQ18(t *testing.T) {
	limits := server.Limits{Limits: protocol.Limits{Stall: 50 * time.Millisecond, Frame: 64 << 10}}
	const plain = "POST /Arith/Mul HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
	frame := string(encode(t, request("Arith", "Mul", `{"A":6,"B":7}`)))
	tests := map[string]struct {
		send   string
		repeat string // until the server has enough, at most 1 MiB
		want   string // what the answer begins with; "": none
	}{
		"junk that begins as a method":   {send: "GETTHISTHATANDTHEOTHERTHING", want: ""},
		"line without an end":            {send: "GET /", repeat: strings.Repeat("a", 4096), want: "HTTP/1.1 431"},
		"header without an end":          {send: plain + "X: ", repeat: strings.Repeat("a", 4096), want: "HTTP/1.1 431"},
		"many headers":                   {send: plain, repeat: strings.Repeat("X: 1\r\n", 500), want: "HTTP/1.1 431"},
		"line that stalls":               {send: "GET / HT", want: "HTTP/1.1 400"},
		"header that stalls":             {send: plain + "X: 1", want: ""},
		"body that stalls":               {send: plain + "Content-Length: 10\r\n\r\n{", want: "HTTP/1.1 400"},
		"chunk that stalls":              {send: plain + "Transfer-Encoding: chunked\r\n\r\n5\r\n{", want: "HTTP/1.1 400"},
		"body over the limit":            {send: plain + "Content-Length: 1099511627776\r\n\r\n", repeat: strings.Repeat(" ", 4096), want: "HTTP/1.1 413"},
		"two lengths":                    {send: plain + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", want: "HTTP/1.1 400"},
		"negative length":                {send: plain + "Content-Length: -1\r\n\r\n{}", want: "HTTP/1.1 400"},
		"space before the colon":         {send: plain + "Content-Length : 2\r\n\r\n{}", want: "HTTP/1.1 400"},
		"frame after a request":          {send: "OPTIONS / HTTP/1.1\r\nHost: h\r\n\r\n" + frame, want: "HTTP/1.1 200"},
		"request after a frame":          {send: frame + "GET / HTTP/1.1\r\nHost: h\r\n\r\n", want: "\x08"},
		"TLS on a plain port":            {send: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 30), want: ""},
		"profiles are not on this port":  {send: "GET /debug/pprof/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", want: "HTTP/1.1 40"},
		"version that is none of HTTP's": {send: "GET / HTTP/9.9\r\nHost: h\r\n\r\n", want: "HTTP/1.1 505"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onTCP(t, server.WithLimits(limits)).arith()
			nc := w.dialNet(t)
			_ = nc.SetDeadline(time.Now().Add(patience))
			_, err := io.WriteString(nc, tt.send)
			if tt.repeat != "" {
				for sent := 0; err == nil && sent < 1<<20; sent += len(tt.repeat) {
					_, err = io.WriteString(nc, tt.repeat)
				}
			}
			answer, err := io.ReadAll(nc)
			if ne, ok := err.(net.Error); ok && ne.Timeout() { //nolint:errorlint // of the connection
				t.Errorf("still open after %v", patience)
			}
			reset := tt.repeat != "" && len(answer) == 0 // the answer may be lost with what was sent behind it
			if !reset && (!strings.HasPrefix(string(answer), tt.want) || tt.want == "" && len(answer) > 0) {
				t.Errorf("answered %.80q, want %q", answer, tt.want)
			}
			w.mustWork(t)
		})
	}
}

// HTTP CONNECT works on the port of frames too, with what was sent along with it (Q19).
func TestConnectOnTheSamePortQ19(t *testing.T) {
	w := onTCP(t).arith()
	h := httpconnect.NewHandler()
	if err := w.HandleHTTP("/_rpcx_", h); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.ServeListener("http", h) }()
	nc := w.dialNet(t)
	_, err := fmt.Fprintf(nc, "CONNECT /_rpcx_ HTTP/1.0\n\n%s", encode(t, request("Arith", "Mul", `{"A":6,"B":7}`)))
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(nc)
	for range 2 {
		if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.0 200 Connected to rpcx\n" && line != "\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	f, err := protocol.NewReader(r, protocol.Limits{}).Next()
	if err != nil || string(f.Payload) != `{"C":42}` {
		t.Errorf("%+v, %v", f, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	wait(t, "the listener's end", served)
}

// A connection of HTTP/2 holds no more large requests than one of frames, whose bodies are
// read before anything is known of them.
func TestHTTP2StreamsAreBounded(t *testing.T) {
	t.Parallel()
	for handlers, want := range map[int]uint32{0: 256, 16: 16} {
		w := onTCP(t, server.WithLimits(server.Limits{HandlersPerConn: handlers}))
		nc := w.dialNet(t)
		if _, err := io.WriteString(nc, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
			t.Fatal(err)
		}
		_ = nc.SetReadDeadline(time.Now().Add(patience))
		head := make([]byte, 9)
		if _, err := io.ReadFull(nc, head); err != nil || head[3] != 4 {
			t.Fatalf("the first frame begins with %x, %v, want settings", head, err)
		}
		settings := make([]byte, int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(nc, settings); err != nil {
			t.Fatal(err)
		}
		got := uint32(0)
		for ; len(settings) >= 6; settings = settings[6:] {
			if binary.BigEndian.Uint16(settings) == 3 { // the number of streams
				got = binary.BigEndian.Uint32(settings[2:])
			}
		}
		if got != want {
			t.Errorf("%d handlers for a connection: %d streams, want %d", handlers, got, want)
		}
	}
}

// A browser asks before it makes a call as the call would be routed, also where a handler
// of the user's takes all that is left.
func TestPreflightBesideAPage(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithHTTPOrigins("https://app.example")).arith()
	page := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "page") })
	if err := w.HandleHTTP("/", page); err != nil {
		t.Fatal(err)
	}
	c := newHTTPClient(t)
	for name, tt := range map[string]struct {
		path, headers string
		want          int
	}{
		"plain":        {"/Arith/Mul", "content-type", 204},
		"invoke":       {"/", "x-rpcx-serializetype, x-rpcx-servicepath", 204},
		"JSON-RPC":     {"/", "content-type, x-jsonrpc-2.0", 204},
		"user's":       {"/page", "content-type", 200},
		"no such call": {"/Arith/Nope", "content-type", 200},
	} {
		res, got := w.do(t, c, "OPTIONS", tt.path, "", "Origin", "https://app.example",
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", tt.headers)
		if allowed := res.Header.Get("Access-Control-Allow-Origin") != ""; res.StatusCode != tt.want || allowed != (tt.want == 204) {
			t.Errorf("%s: %d %q, allowed %v, want %d", name, res.StatusCode, got, allowed, tt.want)
		}
	}
}
