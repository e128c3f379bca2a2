// SPDX-License-Identifier: Apache-2.0

// Package transport opens connections. [Transport] is one kind of them, [Set] the
// kinds that a client or server knows, by network name. The kinds themselves are
// sub-packages; transporttest and calltest are the suites that each passes. net.Conn and
// net.Listener are the currency: nothing wraps them without need, so that users
// see real TCP and TLS connections.
package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

// Settings is what a client or server wants of its connections. The zero value is
// plain, with the defaults.
type Settings struct {
	// TLS turns TLS on. It is not modified; a client without ServerName in it
	// verifies the host of the address. At least TLS 1.2 is spoken.
	TLS *tls.Config
	// KeepAlive is the time between TCP keep-alive probes. Zero: 1 minute on a
	// client, 3 minutes on a server, as in rpcx. Negative: none.
	KeepAlive time.Duration
	// Permits says to a listener who may connect, nil: everybody. It is for transports
	// that read from a connection before they hand it out, be it a greeting or a
	// handshake: others may come without being asked about. It must be quick, and runs
	// concurrently.
	Permits func(addr net.Addr) bool
}

// Transport is one way to connect. Its methods are called concurrently.
//
// Its connections keep what net.Conn promises: deadlines above all, which wake who waits
// and with which a Read or Write fails that waits in vain, with os.ErrDeadlineExceeded. A
// Read that failed so can be repeated when the deadline has been moved, and has lost
// nothing: callers are woken by that. Two things they may add. A method
// WriteResumable() bool that returns true says that a Write which timed out has
// written just as much as it says, so that the rest can follow: callers then do not
// wait for a peer that is slow. A transport that does TLS itself gives its connections
// the methods HandshakeContext and ConnectionState of a *tls.Conn, from which handlers
// learn who calls.
type Transport interface {
	// Networks lists the network names that it serves, such as "tcp", "tcp4", "tcp6".
	Networks() []string
	// Dial connects to addr. It returns when the connection can carry bytes, its TLS
	// handshake included, or when ctx ends.
	Dial(ctx context.Context, network, addr string, s Settings) (net.Conn, error)
	// Listen starts to listen on addr. ctx bounds the call, not the listener. With
	// TLS the connections that it accepts are *tls.Conn whose handshake has not run,
	// unless they begin with a greeting over it, which is then done as well.
	Listen(ctx context.Context, network, addr string, s Settings) (net.Listener, error)
}

// Set is an immutable collection of transports. The zero value is empty.
type Set struct {
	byNetwork map[string]Transport
}

// NewSet returns a set of the given transports. Where two serve the same network
// the later one stays.
func NewSet(transports ...Transport) *Set {
	s := &Set{byNetwork: make(map[string]Transport)}
	for _, t := range transports {
		for _, n := range t.Networks() {
			s.byNetwork[n] = t
		}
	}
	return s
}

// Lookup returns the transport of a network, or an error that lists those there are.
func (s *Set) Lookup(network string) (Transport, error) {
	t, ok := s.byNetwork[network]
	if !ok {
		known := slices.Sorted(maps.Keys(s.byNetwork))
		return nil, fmt.Errorf("transport: unknown network %q, have %s", network, strings.Join(known, " "))
	}
	return t, nil
}
