// SPDX-License-Identifier: Apache-2.0

// Package ws is the transport of networks "ws" and "wss": WebSocket, RFC 6455, which is
// how a page in a browser makes calls, and which gets through where HTTP does.
//
//	ws := ws.New(ws.Config{})
//	go server.NewServer(server.WithTransport(ws)).Serve("ws", addr)
//	client.NewXClient(..., client.NewPeer2PeerDiscovery("ws@"+addr, ""),
//		client.Option{Transports: []transport.Transport{ws}})
//
// A connection is one stream of bytes in both directions; where messages end means
// nothing, and so a call may take several of them or share one with others. Text is read
// as binary data is, without a look at it, as rpcx's clients send it; what is sent is
// binary. Pings are answered. A handshake must be over in 10 seconds and 32 KiB, and no
// memory is taken for what a frame says that it will bring.
//
// Pages of other hosts than the server's are refused unless [Config] allows them; name the
// server's own with Config.Hosts, or a stranger's name may pass for one. A
// [Handler] serves the same in an http.Server of the user's own.
package ws

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/rpcx-go/rpcx/internal/webhost"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/internal/upgrade"
)

const (
	plain  = "ws"
	secure = "wss"
)

// DefaultPath is where rpcx servers answer.
const DefaultPath = "/_rpcx_"

// Config is how to connect. The zero value is as rpcx does.
type Config struct {
	// Path is what clients ask for, and what a listener answers; empty: DefaultPath. An
	// address may have one of its own, as in ws@host:port/prefix, which a client puts in
	// front, as rpcx does.
	Path string
	// Origins are the sites whose pages may connect to a listener, such as
	// "https://app.example.com", beside those of the host that the request is for; "*"
	// is every site. What is no browser may always connect.
	Origins []string
	// Hosts are the names that requests to a listener may be for, such as
	// "app.example.com", beside IP addresses and localhost; empty: any. Without them, a
	// stranger's page whose name points to the listener is taken for one of its own host.
	Hosts []string
}

func (c Config) path() string {
	if c.Path == "" {
		return DefaultPath
	}
	return c.Path
}

// Transport is the transport of networks "ws" and "wss". The zero value is ready for
// use.
type Transport struct{ config Config }

var _ transport.Transport = Transport{}

// New returns the transport. It checks nothing: Dial and Listen do.
func New(c Config) Transport { return Transport{config: c} }

// Networks returns "ws" and "wss".
func (Transport) Networks() []string { return []string{plain, secure} }

// Dial connects to addr, a host and a port. TLS is spoken when the settings ask for it,
// and for "wss" always: the host is verified unless the settings name another server.
func (t Transport) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	if err := t.check(network); err != nil {
		return nil, err
	}
	if network == secure && s.TLS == nil {
		s.TLS = &tls.Config{} //nolint:gosec // ClientTLS sets the version
	}
	hostPort, prefix := upgrade.Split(addr)
	path := prefix + t.config.path()
	if err := upgrade.CheckPath(path); err != nil {
		return nil, fmt.Errorf("ws: %w", err)
	}
	var src *bufio.Reader
	conn, err := upgrade.Dial(ctx, hostPort, s, func(conn net.Conn) (err error) {
		src, err = ask(conn, hostPort, path, s.TLS != nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ws: dial %s: %w", addr, err)
	}
	return newConn(conn, src, true), nil
}

// Listen listens on addr, a host and a port. No host stands for all addresses of the
// machine, port 0 for any free one, which the listener's Addr then shows. Connections
// come out of Accept when the handshake has run, that of TLS included. "wss" needs TLS
// settings.
func (t Transport) Listen(ctx context.Context, network, addr string, s transport.Settings) (net.Listener, error) {
	if err := t.check(network); err != nil {
		return nil, err
	}
	if network == secure && s.TLS == nil {
		return nil, errors.New("ws: network wss needs tls settings with a certificate")
	}
	if err := upgrade.CheckPath(t.config.path()); err != nil {
		return nil, fmt.Errorf("ws: %w", err)
	}
	if err := webhost.List(t.config.Hosts).Check(); err != nil {
		return nil, fmt.Errorf("ws: %w", err)
	}
	origins, err := webhost.ParseOrigins(t.config.Origins)
	if err != nil {
		return nil, fmt.Errorf("ws: %w", err)
	}
	l, err := upgrade.Listen(ctx, addr, s)
	if err != nil {
		return nil, fmt.Errorf("ws: %w", err)
	}
	t.config.Origins = origins
	h := &Handler{upgrade.NewQueue(l.Addr()), t.config}
	return upgrade.Serve(l, h.queue, t.config.path(), h), nil
}

func (t Transport) check(network string) error {
	if network != plain && network != secure {
		return fmt.Errorf("ws: %w", net.UnknownNetworkError(network))
	}
	return nil
}
