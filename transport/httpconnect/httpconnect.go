// SPDX-License-Identifier: Apache-2.0

// Package httpconnect is the transport of network "http": a connection begins as the
// HTTP request CONNECT /_rpcx_, and goes on with frames once that was answered. It gets
// through where HTTP does, and shares the port of any http.Server.
//
//	http := httpconnect.New(httpconnect.Config{})
//	go server.NewServer(server.WithTransport(http)).Serve("http", addr)
//	client.NewXClient(..., client.NewPeer2PeerDiscovery("http@"+addr, ""),
//		client.Option{Transports: []transport.Transport{http}})
//
// What is sent are rpcx's bytes, what is accepted is any HTTP/1: lines may end in LF or
// CRLF, and a client need not wait for the answer before its first frame. After the
// answer connections are the standard library's own, *net.TCPConn or *tls.Conn. The
// greeting must be over in 10 seconds and 32 KiB.
//
// A [Handler] serves the same in an http.Server of the user's own.
package httpconnect

import (
	"context"
	"fmt"
	"net"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/internal/upgrade"
)

const network = "http"

// DefaultPath is where rpcx servers answer.
const DefaultPath = "/_rpcx_"

// Config is how to connect. The zero value is as rpcx does.
type Config struct {
	// Path is what clients ask for, and what a listener answers; empty: DefaultPath. An
	// address may have one of its own, as in http@host:port/prefix, which a client puts
	// in front.
	Path string
}

func (c Config) path() string {
	if c.Path == "" {
		return DefaultPath
	}
	return c.Path
}

// Transport is the transport of network "http". The zero value is ready for use.
type Transport struct{ config Config }

var _ transport.Transport = Transport{}

// New returns the transport. It checks nothing: Dial and Listen do.
func New(c Config) Transport { return Transport{config: c} }

// Networks returns "http".
func (Transport) Networks() []string { return []string{network} }

// Dial connects to addr, a host and a port. With TLS the host is verified unless the
// settings name another server.
func (t Transport) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	hostPort, prefix := upgrade.Split(addr)
	path := prefix + t.config.path()
	if err := upgrade.CheckPath(path); err != nil {
		return nil, fmt.Errorf("httpconnect: %w", err)
	}
	conn, err := upgrade.Dial(ctx, hostPort, s, func(conn net.Conn) error { return connect(conn, path) })
	if err != nil {
		return nil, fmt.Errorf("httpconnect: dial %s: %w", addr, err)
	}
	return conn, nil
}

// Listen listens on addr, a host and a port. No host stands for all addresses of the
// machine, port 0 for any free one, which the listener's Addr then shows. Connections
// come out of Accept when their client was answered, so with TLS the handshake has run.
func (t Transport) Listen(ctx context.Context, network, addr string, s transport.Settings) (net.Listener, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	if err := upgrade.CheckPath(t.config.path()); err != nil {
		return nil, fmt.Errorf("httpconnect: %w", err)
	}
	l, err := upgrade.Listen(ctx, addr, s)
	if err != nil {
		return nil, fmt.Errorf("httpconnect: %w", err)
	}
	h := &Handler{upgrade.NewQueue(l.Addr())}
	return upgrade.Serve(l, h.queue, t.config.path(), h), nil
}

func check(name string) error {
	if name != network {
		return fmt.Errorf("httpconnect: %w", net.UnknownNetworkError(name))
	}
	return nil
}
