// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/http"
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
