// SPDX-License-Identifier: Apache-2.0

package server

import (
	"sync"
	"sync/atomic"
	"time"
)

// tick is how often the monitor looks. A handler that blocks for two ticks or longer holds up
// its connection for one to two, once: its method runs in the pool from then on. One that has been
// quick for thousands of calls is forgiven up to twice before that.
const tick = 10 * time.Millisecond

// soon is how short after a look another one would mean nothing and is left out: a tick that comes
// late does not defer the one after it.
const soon = tick * 3 / 4

// quietTicks is after how many ticks without a call a connection is not watched
// any more.
const quietTicks = 100

// monitor takes connections away from goroutines that are held up by a handler;
// turn.go tells why. It runs only while calls come in.
type monitor struct {
	server *Server
	late   atomic.Int64 // how late ticks come, as a moving average
	asked  atomic.Bool  // somebody asks what calls wait for

	ticked time.Time // when the last tick came, and
	looked time.Time // when it looked last; both are run's

	mu      sync.Mutex // guards what follows
	watched map[*Conn]*sighting
	running bool
}

// sighting is what the monitor saw of a connection the last time.
type sighting struct {
	turn  *turn
	state uint64
	quiet int
}

// noise returns how long a goroutine that could run waits for a processor on this
// machine now: what takes less time than that need not be the handler's fault.
func (m *monitor) noise() time.Duration { return time.Duration(m.late.Load()) }

const (
	// manyHeld is how many connections must be held up for starved to tell anything: other
	// goroutines that are ready to run could be mistaken for those of fewer.
	manyHeld = 32
	// looks is how many connections it looks at.
	looks = 512
)

// starved reports whether most of the connections that are held up by a call are so because that
// waits for a processor. Nobody waits for the answer: it is true while somebody else asks, or the
// monitor looks. Such an answer now and then does no harm.
func (m *monitor) starved() bool {
	if !m.asked.CompareAndSwap(false, true) {
		return true
	}
	defer m.asked.Store(false)
	if !m.mu.TryLock() {
		return true
	}
	held := m.held()
	m.mu.Unlock()
	return held >= manyHeld && mostReady(held)
}

// held returns how many connections are held up by a call, as far as some of them tell. m.mu is held.
func (m *monitor) held() int64 {
	seen, held := 0, 0
	for c := range m.watched { // in any order
		if seen == looks {
			break
		}
		seen++
		if _, inside := c.turn.Load().inside(); inside {
			held++
		}
	}
	return int64(held * len(m.watched) / max(seen, 1))
}

// watch makes the monitor look at c.
func (m *monitor) watch(c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watched == nil {
		m.watched = make(map[*Conn]*sighting)
	}
	m.watched[c] = new(sighting)
	c.watched.Store(true)
	if !m.running {
		m.running = true
		m.server.tasks.Go(m.run) // the caller holds a turn, so Close has not waited for tasks yet
	}
}

// run looks at every watched connection on each tick, until none is left.
func (m *monitor) run() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	m.ticked = time.Now()
	m.looked = m.ticked
	for {
		select {
		case <-ticker.C:
		case <-m.server.lifetime.Done():
			return
		}
		if !m.wake(time.Now()) {
			return
		}
	}
}

// wake notes that a tick has come, and looks unless it has just done so. It reports whether there
// is anything left to look at.
func (m *monitor) wake(now time.Time) bool {
	late := m.late.Load()
	m.late.Store(late + (int64(max(now.Sub(m.ticked)-tick, 0))-late)/4)
	m.ticked = now
	if now.Sub(m.looked) < soon {
		return true
	}
	m.looked = now
	return m.look(now)
}

// look reports whether there is anything left to look at.
func (m *monitor) look(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c, s := range m.watched {
		t := c.turn.Load()
		state, inside := t.inside()
		switch {
		case s.turn != t || s.state != state:
			*s = sighting{turn: t, state: state}
		case inside:
			m.takeOver(c, t, state, now)
		default:
			if s.quiet++; s.quiet >= quietTicks {
				m.unwatch(c, t, state)
			}
		}
	}
	m.running = len(m.watched) > 0
	return m.running
}

// unwatch stops to look at a quiet connection. A call that has begun since state was
// seen may have found that it is watched, so that has to remain true.
func (m *monitor) unwatch(c *Conn, t *turn, state uint64) {
	c.watched.Store(false)
	if now, _ := t.inside(); now != state || c.turn.Load() != t {
		c.watched.Store(true)
		m.watched[c] = new(sighting)
		return
	}
	delete(m.watched, c)
}

// takeOver lets another goroutine read c, unless too many handlers run already: then
// the connection waits, and so does its peer. One that is being closed does not wait:
// it has to be read to its end.
func (m *monitor) takeOver(c *Conn, t *turn, state uint64, look time.Time) {
	reserved := c.calls.len() < c.calls.limit+adoptions && m.server.workers.reserve()
	if !reserved {
		select {
		case <-c.dying:
			m.server.workers.reserveAnyway()
		default:
			return
		}
	}
	next := t.takeAway(state)
	if next == nil { // it has just returned
		m.server.workers.unreserve()
		return
	}
	c.calls.adopt(t.current)
	called := t.current.method
	go next.read() // inherits the old turn's place in server.turns
	m.server.stats.takeovers.Add(1)
	if called != nil {
		called.pace.blocked(look, called.noise(m.noise()), called.pace.starved)
	}
}

// forget drops a connection that is gone.
func (m *monitor) forget(c *Conn) {
	m.mu.Lock()
	delete(m.watched, c)
	m.mu.Unlock()
}
