// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/ws"
)

// A transport that begins with a greeting gives none to those who may not connect, nor the
// handshake before it.
func TestAccessBeforeTheGreeting(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	block := middleware.NewIPList(middleware.IPListConfig{Block: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for network, tr := range map[string]transport.Transport{"ws": ws.New(ws.Config{}), "wss": ws.New(ws.Config{}), "http": httpconnect.New(httpconnect.Config{})} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			opts := []server.Option{server.WithTransport(tr), server.WithAccess(block)}
			if network == "wss" {
				opts = append(opts, server.WithTLSConfig(ca.Server()))
			}
			w := start(t, &world{network: network, addr: "127.0.0.1:0"}, opts)
			w.network = "tcp"
			nc := w.dialNet(t)
			_ = nc.SetDeadline(time.Now().Add(patience))
			if network == "wss" {
				_, _ = io.WriteString(nc, "this is no handshake") // which TLS answers with an alert
			} else {
				_, _ = io.WriteString(nc, "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n")
			}
			if got := drainAll(nc); len(got) > 0 {
				t.Errorf("answered %q", got)
			}
			eventually(t, "the refusal is counted", func() bool { return w.Stats().RefusedConns == 1 })
		})
	}
}
