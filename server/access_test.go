// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/tls"
	"net"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/server"
)

// door is an Access that opens and shuts.
type door struct{ shut atomic.Bool }

func (d *door) Permits(net.Addr) bool { return !d.shut.Load() }

// Whoever is not permitted gets no byte, whatever the way in.
func TestAccess(t *testing.T) {
	t.Parallel()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	elsewhere := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	cert := tls.Certificate{Certificate: [][]byte{{0}}}
	for _, tt := range []struct {
		name    string
		network string
		list    middleware.IPListConfig
		opts    []server.Option
		ok      bool
	}{
		{"allowed", "tcp", middleware.IPListConfig{Allow: loopback}, nil, true},
		{"not allowed", "tcp", middleware.IPListConfig{Allow: elsewhere}, nil, false},
		{"blocked", "tcp", middleware.IPListConfig{Block: loopback}, nil, false},
		{"others blocked", "tcp", middleware.IPListConfig{Block: elsewhere}, nil, true},
		{"before TLS", "tcp", middleware.IPListConfig{Block: loopback}, []server.Option{
			server.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{cert}}),
		}, false},
		{"Unix socket, somebody allowed", "unix", middleware.IPListConfig{Allow: loopback}, nil, false},
		{"Unix socket, somebody blocked", "unix", middleware.IPListConfig{Block: loopback}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGuardian()
			addr := "127.0.0.1:0"
			if tt.network == "unix" {
				addr = filepath.Join(t.TempDir(), "s")
			}
			opts := append(tt.opts, server.WithObserver(g), server.WithAccess(middleware.NewIPList(tt.list)))
			w := start(t, &world{network: tt.network, addr: addr}, opts).arith()
			if tt.ok {
				w.dialOf(t).silent()
				return
			}
			w.dialOf(t).closed()
			eventually(t, "the refusal is told", func() bool { return g.count("connection refused") == 1 })
			if w.Stats().RefusedConns != 1 || len(w.Conns()) != 0 {
				t.Errorf("%+v", w.Stats())
			}
		})
	}
}

// dialOf is dial for any network.
func (w *world) dialOf(t testing.TB) *peer {
	t.Helper()
	var d net.Dialer
	nc, err := d.DialContext(t.Context(), w.network, w.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return newPeer(t, nc)
}

// A change holds for connections that are open as well.
func TestAccessIsTakenAway(t *testing.T) {
	t.Parallel()
	d := new(door)
	w := onTCP(t, server.WithAccess(d), server.WithLimits(server.Limits{IdleTimeout: 40 * time.Second})).arith()
	p := w.dial(t)
	p.silent()
	d.shut.Store(true)
	p.closed()
	w.dial(t).closed()
	d.shut.Store(false)
	w.mustWork(t)
}

func TestConnectionsPerPeer(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithLimits(server.Limits{ConnectionsPerPeer: 2})).arith()
	first, second := w.dial(t), w.dial(t)
	first.silent()
	second.silent()
	w.dial(t).closed()
	eventually(t, "the refusal is counted", func() bool { return w.Stats().RefusedConns == 1 })
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	if nc, err := d.DialContext(t.Context(), "tcp", w.addr); err == nil { // not every system has it
		other := newPeer(t, nc)
		other.silent()
		other.Close()
	}
	second.Close()
	eventually(t, "there is room", func() bool { return w.Stats().Conns == 1 })
	w.mustWork(t)
	first.silent()
}
