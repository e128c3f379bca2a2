// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"sync"
)

// waitingBytes is how much the requests may hold that wait for a place; one request
// may wait whatever its length.
const waitingBytes = 1 << 20

// Calls beyond manyCalls run only if somebody takes their replies, and as long as the
// requests of all that run hold no more than runningBytes: a peer that sends calls at no
// cost to itself, or large ones, makes the server hold no more for it.
const (
	manyCalls    = 256
	runningBytes = 16 << 20
)

// adoptions is how many calls beyond the limit may run because they were found to hold
// up the connection. Without them it could not be read, and its peer's cancel frames,
// which make room, could not be seen.
const adoptions = 16

// calls is the calls of one connection that do not run in its reader: those that run
// and those that wait until fewer run. As many may wait as run, so that the reader
// sees what comes behind them: cancel frames, and the end of the connection.
type calls struct {
	limit  int
	unread func() bool // reports whether the peer leaves replies unread; nil: it does not

	mu      sync.Mutex // guards what follows
	running map[*inbound]struct{}
	held    int // bytes of the requests that run
	waiting []*inbound
	bytes   int           // of the requests that wait
	room    chan struct{} // closed when a call ends; nil: nobody waits
	ended   bool          // the peer is gone: nothing new begins
	told    bool          // to stop, all that run and will
}

// admission is what became of a call.
type admission uint8

const (
	started admission = iota // it counts as running; the caller has to run it
	queued                   // it runs later
	full                     // it can do neither
)

// admit takes a call in.
func (s *calls) admit(in *inbound) admission {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.waiting) == 0 && s.fits(in):
		s.put(in)
		return started
	case len(s.waiting) == 0, len(s.waiting) < s.limit && s.bytes+in.size() <= waitingBytes:
		s.waiting = append(s.waiting, in)
		s.bytes += in.size()
		return queued
	default:
		return full
	}
}

// fits reports whether a call may run beside those that do. s.mu is held.
func (s *calls) fits(in *inbound) bool {
	n := len(s.running)
	return n < s.limit && (n < manyCalls || !in.call.Oneway && s.held+in.size() <= runningBytes && (s.unread == nil || !s.unread()))
}

// adopt takes in a call that runs already, unless it has ended since.
func (s *calls) adopt(in *inbound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !in.released {
		s.put(in)
	}
}

// put notes a running call. s.mu is held.
func (s *calls) put(in *inbound) {
	if s.running == nil {
		s.running = make(map[*inbound]struct{})
	}
	s.running[in] = struct{}{}
	s.held += in.size()
	if s.ended || s.told {
		in.End(context.Canceled)
	}
}

// remove notes that a call has ended. It returns the one that is to run in its place,
// nil for none, and whether it was the last of a connection whose peer is gone.
func (s *calls) remove(in *inbound) (next *inbound, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in.released = true
	if _, counted := s.running[in]; counted {
		delete(s.running, in)
		s.held -= in.size()
	}
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
	if len(s.waiting) > 0 && s.fits(s.waiting[0]) {
		next = s.waiting[0]
		s.waiting[0] = nil
		s.waiting = s.waiting[1:]
		s.bytes -= next.size()
		s.put(next)
	}
	return next, s.ended && len(s.running) == 0
}

// cancel ends the contexts of the calls with the given sequence id; there is one
// unless the client uses an id twice.
func (s *calls) cancel(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for in := range s.running {
		in.cancel(seq)
	}
	for _, in := range s.waiting {
		in.cancel(seq)
	}
}

// end ends the contexts of all calls. It returns how many still run, and those that
// will not any more.
func (s *calls) end() (running int, dropped []*inbound) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for in := range s.running {
		in.End(context.Canceled)
	}
	dropped, s.waiting, s.bytes = s.waiting, nil, 0
	return len(s.running), dropped
}

// tell ends the contexts of all calls that run, or will. Their replies are sent.
func (s *calls) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = true
	for in := range s.running {
		in.End(context.Canceled)
	}
}

// waitRoom waits until a call has ended since it was found that there is no room.
func (s *calls) waitRoom(dying <-chan struct{}) {
	s.mu.Lock()
	if len(s.waiting) == 0 {
		s.mu.Unlock()
		return
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	room := s.room
	s.mu.Unlock()
	select {
	case <-room:
	case <-dying:
	}
}

// len returns how many calls run.
func (s *calls) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running)
}
