// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"net"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/backoff"
)

var errLongHeartbeat = rpcx.Errorf(rpcx.InvalidArgument, "server: heartbeat over %d bytes", heartbeatLimit)

// acceptLoop accepts connections until the listener fails for good. A passing
// failure, such as too many open files, makes it pause: existing connections go on.
func (s *Server) acceptLoop(ln net.Listener, network string) error {
	pause := backoff.Policy{Base: 5 * time.Millisecond, Cap: time.Second}
	for failures := 0; ; {
		nc, err := ln.Accept()
		if err == nil {
			failures = 0
			s.acceptConn(nc, network)
			continue
		}
		var ne net.Error
		if s.isClosing() || errors.Is(err, net.ErrClosed) || !errors.As(err, &ne) {
			return err
		}
		s.logger.Warn("accept failed, trying again", "listener", ln.Addr(), "error", err)
		if pause.Wait(s.lifetime, failures) != nil {
			return err
		}
		failures++
	}
}

// acceptConn serves a new connection, if its peer may come in and there is room for it.
func (s *Server) acceptConn(nc net.Conn, network string) {
	if c, err := s.takeIn(nc, network); err == nil {
		go c.serve() // counted in s.turns
	}
}

// takeIn takes a connection in, or closes it.
func (s *Server) takeIn(nc net.Conn, network string) (*Conn, error) {
	if !s.permits(nc.RemoteAddr()) {
		s.herald.refuseConn(nc, network, errNotPermitted)
		return nil, errNotPermitted
	}
	c := newConn(s, nc, network)
	if err := s.admit(c); err != nil {
		s.herald.refuseConn(nc, network, err)
		return nil, err
	}
	return c, nil
}

// ServeConn serves frames on a connection of the caller's, which the server owns from
// then on, and returns why when it is gone. It is for connections that began as something
// else, such as an HTTP request that was upgraded. network is what handlers see in
// rpcx.Peer. A *tls.Conn may be before its handshake.
func (s *Server) ServeConn(network string, nc net.Conn) error {
	if s.configErr != nil {
		return errors.Join(s.configErr, nc.Close())
	}
	c, err := s.takeIn(nc, network)
	if err != nil {
		return err
	}
	c.upgraded = true
	c.serve()
	<-c.gone
	return *c.reason.Load()
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state != serving
}

// dismiss forgets a connection that has ended.
func (s *Server) dismiss(c *Conn) {
	s.monitor.forget(c)
	close(c.gone)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(c)
	if len(s.conns) == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// whenEmpty returns a channel that is closed when no connection is open.
func (s *Server) whenEmpty() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	empty := s.idle
	if len(s.conns) == 0 {
		close(s.idle)
		s.idle = nil
	}
	return empty
}

// sweep closes connections that are idle, or whose peers may not be connected any more,
// and lets go of idle workers.
func (s *Server) sweep() {
	limit := s.config.limits.IdleTimeout
	interval := 5 * time.Second
	if limit != NoLimit {
		interval = min(interval, max(limit/8, time.Millisecond))
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	type sight struct {
		activity uint64
		since    time.Time
	}
	seen := make(map[*Conn]sight)
	for {
		select {
		case <-s.lifetime.Done():
			return
		case now := <-ticker.C:
			s.workers.trim()
			s.expel()
			if limit == NoLimit {
				continue
			}
			next := make(map[*Conn]sight, len(seen))
			for _, c := range s.allConns() {
				was, ok := seen[c]
				if activity := c.activity(); !ok || was.activity != activity || c.busy() {
					was = sight{activity, now}
				}
				next[c] = was
				if now.Sub(was.since) >= limit {
					c.shut(errIdle)
				}
			}
			seen = next
		}
	}
}

var errIdle = rpcx.Errorf(rpcx.Unavailable, "server: connection was idle for too long")
