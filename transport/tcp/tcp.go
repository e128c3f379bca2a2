// SPDX-License-Identifier: Apache-2.0

// Package tcp is the transport of networks "tcp", "tcp4", "tcp6" and "reuseport", each
// plain or with TLS.
//
//	transports := transport.NewSet(tcp.New())
//
// The connections are the standard library's own, *net.TCPConn or *tls.Conn, on both
// sides. They send without delay (Nagle's algorithm is off). A peer that answers none
// of three keep-alive probes is given up: by default four minutes after it fell silent
// for a client and twelve for a server.
//
// A "reuseport" listener shares its port with others of its kind, in this process or
// the next: the kernel spreads new connections over them. It needs Linux, and its
// clients say "tcp"; dialling "reuseport" is dialling "tcp".
package tcp

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/rpcx-go/rpcx/transport"
)

// The keep-alive periods of connections whose settings name none, as in rpcx.
const (
	ClientKeepAlive = time.Minute
	ServerKeepAlive = 3 * time.Minute
)

// keepAliveProbes is how many probes may stay unanswered.
const keepAliveProbes = 3

const reusePortNetwork = "reuseport"

// Transport is the TCP transport. The zero value is ready for use.
type Transport struct{}

var _ transport.Transport = Transport{}

// New returns the TCP transport.
func New() Transport { return Transport{} }

// Networks returns "tcp", "tcp4", "tcp6" and "reuseport".
func (Transport) Networks() []string { return []string{"tcp", "tcp4", "tcp6", reusePortNetwork} }

// Dial connects to addr, a host and a port. With TLS the host is verified unless the
// settings name another server.
func (t Transport) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	network, _, err := t.parse(network)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{KeepAlive: -1, KeepAliveConfig: keepAlive(s.KeepAlive, ClientKeepAlive)}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(addr) // the dialer took it
	return s.ClientTLS(ctx, conn, host)
}

// Listen listens on addr, a host and a port. No host stands for all addresses of the
// machine, port 0 for any free one, which the listener's Addr then shows.
func (t Transport) Listen(ctx context.Context, network, addr string, s transport.Settings) (net.Listener, error) {
	network, shared, err := t.parse(network)
	if err != nil {
		return nil, err
	}
	lc := net.ListenConfig{KeepAlive: -1, KeepAliveConfig: keepAlive(s.KeepAlive, ServerKeepAlive)}
	if shared {
		lc.Control = reusePort
	}
	l, err := lc.Listen(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return s.ServerTLS(l)
}

// parse returns the network by the name that package net knows, and whether listeners
// share their port.
func (t Transport) parse(network string) (name string, shared bool, err error) {
	switch {
	case network == reusePortNetwork:
		return "tcp", true, nil
	case slices.Contains(t.Networks(), network):
		return network, false, nil
	default:
		return "", false, fmt.Errorf("tcp: %w", net.UnknownNetworkError(network))
	}
}

// keepAlive returns what package net calls the wish for a period between probes.
func keepAlive(period, otherwise time.Duration) net.KeepAliveConfig {
	if period < 0 {
		return net.KeepAliveConfig{}
	}
	if period == 0 {
		period = otherwise
	}
	return net.KeepAliveConfig{Enable: true, Idle: period, Interval: period, Count: keepAliveProbes}
}
