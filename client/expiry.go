// SPDX-License-Identifier: Apache-2.0

package client

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Almost every call has a time-out and almost none reaches it. So the calls that wait on
// a connection share one timer. It is set for the first of their deadlines, and only a
// call whose deadline is earlier than that touches it: with the same time-out for all of
// them, none does. When it fires, the calls whose time is up are taken out of the table
// and completed, and it is set for the next deadline.
//
// A look at the table takes time in proportion to the calls in it. So that this is never
// much of what is done, the next look is not before sparing times what the last one took:
// among thousands of calls that expire one after the other some are late by that. A look that
// something else held up says nothing, so there is a bound by their number.

// never is the time for which the timer of a connection without deadlines is set.
const never = time.Duration(math.MaxInt64)

const (
	// sparing is how many times as long as a look at the table the pause after it is, at least.
	sparing = 16
	// forEach call in the table the pause is no longer than this.
	forEach = 2 * time.Microsecond
)

// expiry ends the calls of a connection that have run out of time.
type expiry struct {
	calls *table
	ended func()    // is told after calls were ended
	began time.Time // what times are counted from

	next atomic.Int64 // when the timer fires

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	rests time.Duration // until when there is no look
	over  bool
}

func (e *expiry) init(calls *table, ended func()) {
	e.calls, e.ended, e.began = calls, ended, time.Now()
	e.next.Store(int64(never))
}

// at returns a time as calls are given it. It is never 0.
func (e *expiry) at(t time.Time) time.Duration { return max(t.Sub(e.began), 1) }

// expect sees to it that a call in the table is ended when its time is up.
func (e *expiry) expect(due time.Duration) {
	if int64(due) < e.next.Load() {
		e.mu.Lock()
		e.set(due)
		e.mu.Unlock()
	}
}

// pause makes the next look wait for some time. e.mu is held.
func (e *expiry) pause(d time.Duration) { e.rests = time.Since(e.began) + d }

// set sets the timer, unless it fires by then. e.mu is held.
func (e *expiry) set(due time.Duration) {
	if due = max(due, e.rests); e.over || int64(due) >= e.next.Load() {
		return
	}
	e.next.Store(int64(due))
	wait := due - time.Since(e.began)
	if e.timer == nil {
		e.timer = time.AfterFunc(wait, e.look)
		return
	}
	e.timer.Reset(wait)
}

// look ends the calls whose time is up.
func (e *expiry) look() {
	if e.end() > 0 {
		e.ended()
	}
}

// end is look without telling anybody. It returns how many calls it ended.
func (e *expiry) end() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return 0
	}
	e.next.Store(int64(never)) // calls that come from here on wait for e.mu
	began := time.Since(e.began)
	n, next := e.calls.expire(began)
	e.pause(min(sparing*(time.Since(e.began)-began), time.Duration(n+e.calls.len())*forEach))
	e.set(next)
	return n
}

// close stops the timer. Nothing is ended once it has returned.
func (e *expiry) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	if e.timer != nil {
		e.timer.Stop()
	}
}
