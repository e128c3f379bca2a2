// SPDX-License-Identifier: Apache-2.0

package ws_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/transporttest/calltest"
	"github.com/rpcx-go/rpcx/transport/ws"
	"go.uber.org/goleak"
	"golang.org/x/net/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, setup)
}

// TestCallsR27 looks, among others, at whether a server over WebSocket tells that it has
// started, which one of rpcx does not (R27).
func TestCallsR27(t *testing.T) {
	t.Parallel()
	for network, never := range map[string]bool{"ws": false, "wss": true} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			calltest.Run(t, func(t *testing.T) transporttest.Config {
				c := setup(t)
				c.Network, c.OwnTLS = network, never // plain
				return c
			})
		})
	}
}

func TestMounted(t *testing.T) {
	t.Parallel()
	calltest.Mounted(t, setup(t), ws.NewHandler(ws.Config{}), ws.DefaultPath)
}

func setup(*testing.T) transporttest.Config {
	return transporttest.Config{Transport: ws.New(ws.Config{}), Network: "ws", Addr: "127.0.0.1:0", Greeting: true}
}

// TestSecureByItself: wss without settings is TLS, verified.
func TestSecureByItself(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	l, err := ws.New(ws.Config{}).Listen(t.Context(), "wss", "127.0.0.1:0", transport.Settings{TLS: ca.Server()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = ws.New(ws.Config{}).Dial(t.Context(), "wss", l.Addr().String(), transport.Settings{})
	var unverified *tls.CertificateVerificationError
	if !errors.As(err, &unverified) {
		t.Errorf("Dial = %v, want that the server is not trusted", err)
	}
}

// TestAgainstOthersQ21 connects to another implementation in both roles, in text frames,
// which is what clients of rpcx send (Q21), and in binary ones.
func TestAgainstOthersQ21(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("text, and then some \xff\x00\xfe ", 5000)
	exchange := func(t *testing.T, c net.Conn) {
		t.Helper()
		go func() { _, _ = io.WriteString(c, data) }() // what comes back tells
		got := make([]byte, len(data))
		if n, err := io.ReadFull(c, got); err != nil || string(got) != data {
			t.Errorf("%d of %d bytes came back, or other ones: %v", n, len(data), err)
		}
	}
	for name, kind := range map[string]byte{"text": websocket.TextFrame, "binary": websocket.BinaryFrame} {
		t.Run("their client, "+name, func(t *testing.T) {
			t.Parallel()
			l, err := ws.New(ws.Config{}).Listen(t.Context(), "ws", "127.0.0.1:0", transport.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				_, _ = io.Copy(c, c) // the client tells what arrived
			}()
			c, err := websocket.Dial("ws://"+l.Addr().String()+ws.DefaultPath, "", "http://"+l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.PayloadType = kind
			exchange(t, c)
		})
		t.Run("their server, "+name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewServer(websocket.Handler(func(c *websocket.Conn) {
				c.PayloadType = kind
				_, _ = io.Copy(c, c) // the client tells what arrived
			}))
			defer web.Close()
			c, err := ws.New(ws.Config{}).Dial(t.Context(), "ws", web.Listener.Addr().String(), transport.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			exchange(t, c)
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Errorf("CloseWrite = %v", err)
			}
			if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // the bare value
				t.Errorf("Read = %d, %v, want the end", n, err)
			}
		})
	}
}
