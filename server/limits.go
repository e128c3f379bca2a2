// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"math"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
)

// Limits bounds what peers can make a server hold or do. Zero means the default;
// where "no limit" makes sense it is spelled NoLimit.
type Limits struct {
	protocol.Limits // frames; see there for the defaults

	// Connections is how many connections are open at once. Further ones are
	// accepted and closed. Default 10,000.
	Connections int
	// ConnectionsPerPeer is how many of them one peer may have: an IPv4 address, or the
	// network of 64 bits that an IPv6 address is in. Default: as many as Connections, for a
	// proxy is one peer. Peers without an IP address, as on Unix sockets, are not counted.
	ConnectionsPerPeer int
	// HandlersPerConn is how many handlers run at once for one connection. As many calls
	// again may wait; then the connection is not read from, or under an AdaptiveLimit
	// further calls are refused. More than 256 run only if they are not one-way and the
	// requests hold no more than 16 MiB. Default 1024.
	HandlersPerConn int
	// Handlers is how many handlers run at once in the pool of the whole server.
	// Calls beyond it are refused with ResourceExhausted, those of low priority when three
	// quarters run. Default 10,000.
	Handlers int
	// UnsentReplies is how many bytes of replies may wait for one connection whose
	// peer does not read. At the limit handlers wait, and then the write times out.
	// Default 1 MiB.
	UnsentReplies int
	// HTTPBodies is how many bytes the bodies of all requests over HTTP may have together,
	// with what those of JSON-RPC in gzip become: they are read before anybody is asked who
	// he is. Further ones are refused with ResourceExhausted. Default 256 MiB, or
	// Payload if that is more.
	HTTPBodies int
	// Pushes is how many messages may wait to be pushed to one connection.
	// Default 256.
	Pushes int
	// HandshakeTimeout bounds a TLS handshake. Default 10 s.
	HandshakeTimeout time.Duration
	// WriteTimeout bounds how long a peer takes for 256 KiB, or for the rest of a
	// reply if that is less. Default 10 s.
	WriteTimeout time.Duration
	// IdleTimeout closes connections on which nothing was received or sent and no
	// handler ran for so long; clients dial again by themselves. Default 10 min.
	// NoLimit: never.
	IdleTimeout time.Duration
}

// NoLimit switches a limit off where its description says so.
const NoLimit = -1

// newLimits fills in the defaults and refuses what makes no sense.
func newLimits(l Limits) (Limits, error) {
	l.Limits = l.Limits.WithDefaults()
	for _, f := range []struct {
		name string
		v    *int
		def  int
	}{
		{"Connections", &l.Connections, 10_000},
		{"ConnectionsPerPeer", &l.ConnectionsPerPeer, math.MaxInt},
		{"HandlersPerConn", &l.HandlersPerConn, 1024},
		{"Handlers", &l.Handlers, 10_000},
		{"UnsentReplies", &l.UnsentReplies, 1 << 20},
		{"HTTPBodies", &l.HTTPBodies, max(256<<20, l.Payload)},
		{"Pushes", &l.Pushes, 256},
	} {
		switch {
		case *f.v < 0:
			return l, fmt.Errorf("server: limit %s of %d, want a positive number or 0 for the default of %d", f.name, *f.v, f.def)
		case *f.v == 0:
			*f.v = f.def
		}
	}
	for _, f := range []struct {
		name string
		v    *time.Duration
		def  time.Duration
	}{
		{"HandshakeTimeout", &l.HandshakeTimeout, 10 * time.Second},
		{"WriteTimeout", &l.WriteTimeout, 10 * time.Second},
		{"IdleTimeout", &l.IdleTimeout, 10 * time.Minute},
	} {
		switch {
		case *f.v == NoLimit && f.v == &l.IdleTimeout:
		case *f.v < 0:
			return l, fmt.Errorf("server: limit %s of %v, want a positive time or 0 for the default of %v", f.name, *f.v, f.def)
		case *f.v == 0:
			*f.v = f.def
		}
	}
	if l.HTTPBodies < l.Payload {
		return l, fmt.Errorf("server: limit HTTPBodies of %d is less than Payload of %d", l.HTTPBodies, l.Payload)
	}
	l.ConnectionsPerPeer = min(l.ConnectionsPerPeer, l.Connections)
	return l, nil
}
