// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
	"github.com/rpcx-go/rpcx/transport/kcp"
	"github.com/rpcx-go/rpcx/transport/quic"
	"github.com/rpcx-go/rpcx/transport/tcp"
	"github.com/rpcx-go/rpcx/transport/unix"
	"github.com/rpcx-go/rpcx/transport/ws"
)

// network is a transport of the matrix.
type network struct {
	name      string
	scheme    string      // as both frameworks call it
	below     string      // what it runs over, as package net calls it
	server    *tls.Config // nil: plain
	client    *tls.Config
	transport transport.Transport // ours
	// listen is how real rpcx listens, nil where its server is left to do that itself;
	// prepared is where it finds the listener then.
	listen   func() (net.Listener, error)
	prepared *sync.Map

	folder  string        // for sockets
	sockets *atomic.Int64 // how many there were
}

func (n *network) String() string { return n.name }

// family is networks that share a table.
type family struct {
	name     string
	networks []*network
	// all says that every codec runs in every packing. Elsewhere only MessagePack does,
	// and the others plain: what carries a frame does not look into it.
	all bool
}

// families returns the networks of the matrix, and unix with TLS, which is beside it.
// Sockets are made in folder. r is real rpcx's QUIC; nil: there is none.
func families(folder string, server, client *tls.Config, r *relay) ([]*family, *network, error) {
	sockets := new(atomic.Int64)
	onUnix := network{name: "unix", scheme: "unix", below: "unix", transport: unix.New(), folder: folder, sockets: sockets}
	streams := &family{name: "streams", all: true, networks: []*network{
		{name: "tcp", scheme: "tcp", below: "tcp", transport: tcp.New()},
		{name: "tls", scheme: "tcp", below: "tcp", transport: tcp.New(), server: server, client: client},
		&onUnix,
	}}
	unixTLS := onUnix
	unixTLS.name, unixTLS.server, unixTLS.client = "unix+tls", server, client

	connect, socket := httpconnect.New(httpconnect.Config{}), ws.New(ws.Config{})
	overHTTP := &family{name: "over HTTP", networks: []*network{
		{name: "http", scheme: "http", below: "tcp", transport: connect, listen: listenTCP(nil)},
		{name: "http+tls", scheme: "http", below: "tcp", transport: connect, server: server, client: client, listen: listenTCP(server)},
		{name: "ws", scheme: "ws", below: "tcp", transport: socket, listen: listenTCP(nil)},
		{name: "wss", scheme: "wss", below: "tcp", transport: socket, server: server, client: client, listen: listenTCP(server)},
	}}

	cipher, err := kcp.AES(kcpKey())
	if err != nil {
		return nil, nil, err
	}
	overUDP := &family{name: "over UDP", networks: []*network{
		{name: "kcp", scheme: "kcp", below: "udp", transport: kcp.New(kcp.Config{Cipher: cipher}), listen: listenKCP},
	}}
	if r != nil {
		overUDP.networks = append(overUDP.networks, &network{
			name: "quic", scheme: "quic", below: "udp", transport: quic.New(), server: server, client: client, listen: r.listen,
		})
	}
	all := []*family{streams, overHTTP, overUDP}
	prepared := new(sync.Map)
	for _, f := range all {
		for _, n := range f.networks {
			n.prepared = prepared
		}
	}
	extendRpcx(prepared, r)
	return all, &unixTLS, nil
}

// address returns one that a server can listen on.
func (n *network) address() string {
	if n.below == "unix" {
		return filepath.Join(n.folder, fmt.Sprintf("%d.sock", n.sockets.Add(1)))
	}
	return "127.0.0.1:0"
}

// gone waits until nobody listens any more where s did.
func (n *network) gone(ctx context.Context, s serving) error {
	if n.below == "udp" { // where nobody answers who knocks
		select {
		case <-s.deaf():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		conn, err := net.Dial(n.below, s.at())
		if err != nil {
			return nil
		}
		_ = conn.Close() // it has shown that somebody listens
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watched is a listener that tells when it is closed.
type watched struct {
	net.Listener
	once   sync.Once
	closed chan struct{}
}

func watch(ln net.Listener) *watched { return &watched{Listener: ln, closed: make(chan struct{})} }

// Close implements net.Listener.
func (w *watched) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Listener.Close()
}
