// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
	"time"
)

// IdleWorkers returns how many goroutines of the pool wait for calls.
func (s *Server) IdleWorkers() int {
	s.workers.mu.Lock()
	defer s.workers.mu.Unlock()
	return len(s.workers.idle)
}

// Halt is what a drain does with a connection that has been quiet.
func (c *Conn) Halt(ctx context.Context) { c.halt(ctx) }

// Over waits as the server does for package http to be done with a connection of the given
// state, which changes when state is called.
func Over(dying <-chan struct{}, first http.ConnState) (over func(), state func(http.ConnState)) {
	w := newWebConn(new(Conn), nil)
	w.state.Store(int64(first))
	return func() { w.wait(dying) }, w.changed
}

// AllConns returns the connections that are open, whatever is spoken on them.
func (s *Server) AllConns() []*Conn { return s.allConns() }

// Look lets the monitor look, as at the given time.
func (s *Server) Look(at time.Time) { s.monitor.look(at) }

// SetNoise sets what the monitor takes for the noise, until the next tick.
func (s *Server) SetNoise(noise time.Duration) { s.monitor.late.Store(int64(noise)) }

// InPool reports whether calls of a method run in the pool, and how many are said to.
func (s *Server) InPool(service, method string) (pooled bool, running int64) {
	m, _ := (*s.table.Load()).lookup([]byte(service), []byte(method))
	return m.pace.slow.Load(), m.pace.running.Load()
}
