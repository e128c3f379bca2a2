// SPDX-License-Identifier: Apache-2.0

package server

import "sync/atomic"

// Stats is what a server has counted since it was made, and what it holds now.
type Stats struct {
	Conns          int    // open connections
	Handlers       int    // handlers that run outside of the reading goroutines
	RefusedConns   uint64 // connections over a limit, or from addresses that may not connect
	RefusedCalls   uint64 // calls over a limit, which did not run
	ExpiredCalls   uint64 // calls that came or waited too long, and did not run
	Malformed      uint64 // connections closed because of bytes that are not a frame
	StrayResponses uint64 // frames with the response bit, which a server never executes
	Panics         uint64 // panics in handlers, those of HTTP included, and in all other code of the user's
	DroppedPushes  uint64 // pushes dropped under PushDropOldest
	SlowConns      uint64 // connections closed under PushDisconnect
	Takeovers      uint64 // handlers that were found to hold up their connection
}

type counters struct {
	refusedConns, malformed, strayResponses, panics atomic.Uint64
	refusedCalls, expiredCalls                      atomic.Uint64
	droppedPushes, slowConns, takeovers             atomic.Uint64
}

// Stats returns a snapshot of the server's counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	conns := len(s.conns)
	s.mu.Unlock()
	return Stats{
		Conns:          conns,
		Handlers:       int(s.workers.busy.Load()),
		RefusedConns:   s.stats.refusedConns.Load(),
		RefusedCalls:   s.stats.refusedCalls.Load(),
		ExpiredCalls:   s.stats.expiredCalls.Load(),
		Malformed:      s.stats.malformed.Load(),
		StrayResponses: s.stats.strayResponses.Load(),
		Panics:         s.stats.panics.Load(),
		DroppedPushes:  s.stats.droppedPushes.Load(),
		SlowConns:      s.stats.slowConns.Load(),
		Takeovers:      s.stats.takeovers.Load(),
	}
}
