// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"time"
)

// grace is how long handlers have to return, and their replies to be written, when a
// shutdown is out of time.
const grace = 100 * time.Millisecond

// recall tells all calls to stop, since a shutdown is out of time, and waits a moment for
// their replies. The error says what there still was, and is nil for nothing.
func (s *Server) recall(why error) error {
	conns := s.allConns()
	calls := s.running(conns)
	if calls == 0 && len(conns) == 0 {
		return nil // just in time
	}
	err := fmt.Errorf("server: shutdown: out of time; calls told to stop: %d, connections open: %d: %w", calls, len(conns), why)
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	s.stopCalls()
	for _, c := range conns {
		c.halted.Store(true)
		c.calls.tell()
	}
	if s.waitStopped(ctx, conns) {
		for _, c := range conns {
			_ = c.out.Flush(ctx) // whoever does not read gets no reply
		}
	}
	return err
}

// running returns how many calls run.
func (s *Server) running(conns []*Conn) int {
	n := int(s.workers.busy.Load())
	for _, c := range conns {
		if _, inside := c.turn.Load().inside(); inside {
			n++
		}
	}
	return n
}

// waitStopped waits until no call runs, nor anything else on a connection. It reports false
// when ctx ended first.
func (s *Server) waitStopped(ctx context.Context, conns []*Conn) bool {
	ticker := time.NewTicker(drainPoll)
	defer ticker.Stop()
	for busy := true; busy; {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C: // a reply is written a little after its call has ended
		}
		busy = s.running(conns) > 0
		for _, c := range conns {
			busy = busy || c.busy()
		}
	}
	return true
}
