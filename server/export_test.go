// SPDX-License-Identifier: Apache-2.0

package server

// IdleWorkers returns how many goroutines of the pool wait for calls.
func (s *Server) IdleWorkers() int {
	s.workers.mu.Lock()
	defer s.workers.mu.Unlock()
	return len(s.workers.idle)
}
