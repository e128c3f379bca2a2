// SPDX-License-Identifier: Apache-2.0

// Package utp is the transport of network "utp": BitTorrent's micro transport protocol
// (BEP 29) over UDP. rpcx had it once and dropped it; between peers of this module it
// works, plain and with TLS:
//
//	s := server.NewServer(server.WithTransport(utp.New()))
//
// It is for networks that have uTP already. QUIC does everything that it does, better.
// The library below (github.com/anacrolix/utp) holds one lock for all connections of a
// program, has no congestion control to speak of, and gives a connection up when nothing
// was received for two minutes, or was sent and not taken for 15 seconds: clients that
// want to keep idle connections need heartbeats (client.Option.Heartbeat). A listener's
// address is free again once its connections have ended.
package utp

import (
	"context"
	"fmt"
	"net"

	anacrolix "github.com/anacrolix/utp"

	"github.com/rpcx-go/rpcx/internal/udp"
	"github.com/rpcx-go/rpcx/transport"
)

const network = "utp"

// Transport is the uTP transport. The zero value is ready for use.
type Transport struct{}

var _ transport.Transport = Transport{}

// New returns the uTP transport.
func New() Transport { return Transport{} }

// Networks returns "utp".
func (Transport) Networks() []string { return []string{network} }

// Dial connects to addr, a host and a port. With TLS the host is verified unless the
// settings name another server. KeepAlive has no effect: uTP has none.
func (Transport) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	c, err := dial(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("utp: dial %s: %w", addr, err)
	}
	host, _, _ := net.SplitHostPort(addr) // dial took it
	return s.ClientTLS(ctx, c, host)
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	remote, local, err := udp.Route(ctx, addr)
	if err != nil {
		return nil, err
	}
	packets, err := udp.Listen(ctx, local.String())
	if err != nil {
		return nil, err
	}
	socket, err := anacrolix.NewSocketFromPacketConn(packets)
	if err != nil {
		_ = packets.Close() // nothing was sent
		return nil, err
	}
	defer socket.Close() //nolint:errcheck // never fails, and waits for the connection to end
	// A context that ends the library's dial leaves a server that has just accepted it
	// with a connection that nobody closes.
	stop := context.AfterFunc(ctx, func() { _ = socket.CloseNow() }) // never fails
	c, err := socket.Dial(remote.String())
	if !stop() {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return &conn{stream: c, local: packets.LocalAddr(), remote: remote}, nil
}

// Listen listens on addr, a host and a port.
func (Transport) Listen(ctx context.Context, network, addr string, s transport.Settings) (net.Listener, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	packets, err := udp.Listen(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("utp: %w", err)
	}
	socket, err := anacrolix.NewSocketFromPacketConn(packets)
	if err != nil {
		_ = packets.Close() // nothing was received
		return nil, fmt.Errorf("utp: listen on %s: %w", addr, err)
	}
	return s.ServerTLS(&listener{socket: socket})
}

func check(name string) error {
	if name != network {
		return fmt.Errorf("utp: %w", net.UnknownNetworkError(name))
	}
	return nil
}

// listener has the errors of package net.
type listener struct{ socket *anacrolix.Socket }

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.socket.Accept()
	if err != nil { // it is closed, by Close or by a failure: no other error is for good
		return nil, &net.OpError{Op: "accept", Net: network, Addr: l.Addr(), Err: net.ErrClosed}
	}
	remote, err := net.ResolveUDPAddr("udp", c.RemoteAddr().String()) // an address: no name is looked up
	if err != nil {
		_ = c.Close() // nothing was written
		return nil, fmt.Errorf("utp: accept: %w", err)
	}
	return &conn{stream: c, local: l.Addr(), remote: remote}, nil
}

// Close ends every Accept. Connections that were accepted live on, and the address is
// taken until they have ended. A second call does nothing.
func (l *listener) Close() error { return l.socket.Close() }

func (l *listener) Addr() net.Addr { return l.socket.Addr() }
