// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/ws"
)

// WebSocket works on the port of frames too, with and without TLS, also on a connection
// that has served other requests; over HTTP/2, which cannot be taken over, it is refused.
func TestWebSocketOnTheSamePort(t *testing.T) {
	ca := transporttest.NewCA(t)
	for name, opts := range map[string][]server.Option{"plain": nil, "TLS": {server.WithTLSConfig(ca.Server())}} {
		t.Run(name, func(t *testing.T) {
			w := onTCP(t, opts...).arith()
			h := ws.NewHandler(ws.Config{})
			if err := w.HandleHTTP("/_rpcx_", h); err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- w.ServeListener("ws", h) }()

			secure := opts != nil
			for requests := range 3 {
				for _, kind := range []byte{websocket.TextFrame, websocket.BinaryFrame} {
					nc := w.dialNet(t)
					if secure {
						config := ca.Client()
						config.ServerName, config.NextProtos = transporttest.ServerName, []string{"http/1.1"}
						nc = tls.Client(nc, config)
					}
					_ = nc.SetDeadline(time.Now().Add(patience))
					talkHTTP(t, nc, requests)
					talkWebSocket(t, nc, kind)
				}
			}
			c := newHTTPClient(t)
			tr := c.Transport.(*http.Transport)
			if secure {
				tr.TLSClientConfig, tr.ForceAttemptHTTP2 = ca.Client(), true
			} else {
				tr.Protocols = new(http.Protocols)
				tr.Protocols.SetUnencryptedHTTP2(true)
			}
			if res, text := w.do(t, c, http.MethodGet, "/_rpcx_", ""); res.ProtoMajor != 2 || res.StatusCode < 400 {
				t.Errorf("over HTTP/2: %s %d %q", res.Proto, res.StatusCode, text)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			wait(t, "the listener's end", served)
		})
	}
}

// talkHTTP makes some requests on a connection.
func talkHTTP(t *testing.T, nc net.Conn, requests int) {
	t.Helper()
	in := bufio.NewReader(nc)
	for range requests {
		const body = `{"A":6,"B":7}`
		_, err := fmt.Fprintf(nc, "POST /Arith/Mul HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", nc.RemoteAddr(), jsonType, len(body), body)
		if err != nil {
			t.Fatal(err)
		}
		if res, body := readResponse(t, in); res.StatusCode != http.StatusOK || string(body) != `{"C":42}` {
			t.Errorf("%d %q", res.StatusCode, body)
		}
	}
}

// talkWebSocket makes it a WebSocket, and a call on it.
func talkWebSocket(t *testing.T, nc net.Conn, kind byte) {
	t.Helper()
	config, err := websocket.NewConfig("ws://"+nc.RemoteAddr().String()+"/_rpcx_", "http://"+nc.RemoteAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	socket, err := websocket.NewClient(config, nc)
	if err != nil {
		t.Fatal(err)
	}
	socket.PayloadType = kind
	if _, err := socket.Write(encode(t, request("Arith", "Mul", `{"A":6,"B":7}`))); err != nil {
		t.Fatal(err)
	}
	f, err := protocol.NewReader(socket, protocol.Limits{}).Next()
	if err != nil || string(f.Payload) != `{"C":42}` {
		t.Errorf("%+v, %v", f, err)
	}
}
