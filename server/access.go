// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/peerip"
)

// Access says who may connect. A middleware.IPList is one. Permits must be quick; it
// runs concurrently. One that panics permits nobody.
type Access interface {
	Permits(addr net.Addr) bool
}

// WithAccess closes the connections of peers that a does not permit, on every listener
// that Serve opens and before a byte is read, a TLS handshake included; with ServeListener
// that is so for what the listener has not read by itself. What a says may change: within
// 5 s connections are closed that it does not permit any more. Whether a peer without an
// IP address, as on a Unix socket, may connect is for a to say. Default: everybody may.
func WithAccess(a Access) Option { return option(func(c *config) { c.access = a }) }

var (
	errNotPermitted = rpcx.Errorf(rpcx.PermissionDenied, "server: the address may not connect")
	errTooMany      = rpcx.Errorf(rpcx.ResourceExhausted, "server: as many connections are open as may")
	errTooManyPeer  = rpcx.Errorf(rpcx.ResourceExhausted, "server: as many connections of one address are open as may")
)

// permits reports whether a peer may come in. Every way in asks it first. While that
// cannot be told, nobody may.
func (s *Server) permits(addr net.Addr) (permitted bool) {
	if s.config.access == nil {
		return true
	}
	s.guard("the access list", func() { permitted = s.config.access.Permits(addr) })
	return permitted
}

// porter is permits for transports that read from a connection before it is accepted.
func (s *Server) porter(network string) func(net.Addr) bool {
	if s.config.access == nil {
		return nil
	}
	return func(addr net.Addr) bool {
		permitted := s.permits(addr)
		if !permitted {
			s.herald.turnedAway(rpcx.Peer{Network: network, Addr: addr}, errNotPermitted)
		}
		return permitted
	}
}

// expel closes the connections of peers that may not be connected any more.
func (s *Server) expel() {
	if s.config.access == nil {
		return
	}
	for _, c := range s.allConns() {
		if !s.permits(c.nc.RemoteAddr()) {
			c.shut(errNotPermitted)
		}
	}
}

// admit takes a connection in, if there is room for it. While the server drains that
// includes the connections which were waiting when it stopped to listen.
func (s *Server) admit(c *Conn) error {
	limits := &s.config.limits
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == closed:
		return ErrServerClosed
	case len(s.conns) >= limits.Connections:
		return errTooMany
	}
	if caller := peerip.Caller(c.peer.Addr); caller.IsValid() && limits.ConnectionsPerPeer < limits.Connections {
		if s.perPeer[caller] >= limits.ConnectionsPerPeer {
			return errTooManyPeer
		}
		s.perPeer[caller]++
		c.caller = caller
	}
	s.conns[c] = struct{}{}
	s.turns.Add(1)
	return nil
}

// leave forgets a connection. s.mu is held.
func (s *Server) leave(c *Conn) {
	delete(s.conns, c)
	if !c.caller.IsValid() {
		return
	}
	if s.perPeer[c.caller]--; s.perPeer[c.caller] == 0 {
		delete(s.perPeer, c.caller)
	}
}
