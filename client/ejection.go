// SPDX-License-Identifier: Apache-2.0

package client

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Ejection says when a server as a whole gets no calls for a while because it does much
// worse than the others of its service: at least half of its recent calls failed, five
// or more, and that is at least twice the part that failed elsewhere. Failures are those
// that breakers count. Where all servers do badly none is worse. Zero of a field means
// its default.
type Ejection struct {
	// Pause is how long the first one lasts. It doubles each time that the server fails
	// again soon after it returned, up to MaxPause. Defaults 1 s and 30 s.
	Pause, MaxPause time.Duration
	// MaxPercent is how many of a service's servers may be out at a time. Default 50; at
	// least one always stays.
	MaxPercent int
	// Off switches ejection off.
	Off bool
}

// What it takes to be ejected.
const (
	ejectionWindow   = 10 * time.Second // how far back calls count
	ejectionFailures = 5
	ejectionRate     = 0.5
	ejectionContrast = 2 // times the rate of the others
)

// record is how the recent calls to one server went. Calls are counted from the first
// failure on, and no longer than the window: a server that does well costs a call one
// atomic load.
type record struct {
	counting  atomic.Bool
	good, bad atomic.Int64
	until     atomic.Int64 // when the server returns, in Unix nanoseconds; 0: it is not ejected

	mu       sync.Mutex // guards what follows
	since    time.Time  // when counting began
	ejected  time.Time  // when it was last to return
	ejection int        // how often in a row
}

// out reports whether the server is ejected.
func (r *record) out() bool { return r.until.Load() != 0 }

// pass notes a call that did not fail.
func (r *record) pass() {
	if r.counting.Load() {
		r.good.Add(1)
	}
}

// fail notes a call that failed.
func (r *record) fail(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.counting.Load() || now.Sub(r.since) > ejectionWindow {
		r.clear(now)
		r.counting.Store(true)
	}
	r.bad.Add(1)
}

// clear begins a new window. r.mu is held.
func (r *record) clear(now time.Time) {
	r.good.Store(0)
	r.bad.Store(0)
	r.since = now
}

// rate returns which part of the recent calls failed, and how many that is.
func (r *record) rate(now time.Time) (rate float64, failures int64) {
	if !r.counting.Load() {
		return 0, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) > ejectionWindow {
		r.counting.Store(false)
		return 0, 0
	}
	good, bad := r.good.Load(), r.bad.Load()
	return float64(bad) / float64(max(good+bad, 1)), bad
}

// eject takes the server out. It reports false if it was out already.
func (r *record) eject(now time.Time, e *Ejection) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out() {
		return false
	}
	if now.Sub(r.ejected) > 3*ejectionWindow {
		r.ejection = 0
	}
	pause := e.Pause
	for range r.ejection {
		pause = min(2*pause, e.MaxPause)
	}
	r.ejection++
	pause = pause*3/4 + rand.N(pause/2+1) // servers that failed together return one by one
	r.ejected = now.Add(pause)
	r.until.Store(r.ejected.UnixNano())
	return true
}

// admit lets the server return if it is time. It reports true to one caller.
func (r *record) admit(now time.Time) bool {
	until := r.until.Load()
	if until == 0 || now.UnixNano() < until {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.until.CompareAndSwap(until, 0) {
		return false
	}
	r.counting.Store(false)
	return true
}

// outlier reports whether the server with the first record does much worse than the
// others, and may be ejected. others has it as well.
func outlier(r *record, others []*record, now time.Time, maxPercent int) bool {
	rate, failures := r.rate(now)
	if failures < ejectionFailures || rate < ejectionRate {
		return false
	}
	out, sum := 0, 0.0
	for _, o := range others {
		if o.out() {
			out++
		}
		if o != r {
			theirs, _ := o.rate(now)
			sum += theirs
		}
	}
	if out+1 > len(others)*maxPercent/100 || out+1 >= len(others) {
		return false
	}
	return rate >= ejectionContrast*sum/float64(len(others)-1)
}
