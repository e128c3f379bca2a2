// SPDX-License-Identifier: Apache-2.0

// Package breaker decides whether calls to something that keeps failing should be
// made at all. A Breaker is closed while things go well and calls pass. It opens
// when too many fail in a row, or too large a part of them does; then calls are
// refused for a while, after which one at a time is let through as a probe. Probes
// that succeed close it; one that fails makes it wait twice as long.
//
// It knows no calls and no errors: whoever uses it says what counts as a failure.
// Calls that pass a closed breaker and succeed take no lock, read no clock and
// allocate nothing.
package breaker

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// State is what a breaker does with calls.
type State uint8

// The states.
const (
	Closed   State = iota // calls pass
	Open                  // calls are refused
	HalfOpen              // calls are refused but for a probe, which may go or is under way
)

// String returns the state's name.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	default:
		return "half-open"
	}
}

// Outcome is how a call ended that was allowed.
type Outcome uint8

// The outcomes.
const (
	Success Outcome = iota
	Failure
	Unknown // says nothing, as when the caller gave the call up
)

// Change is what the outcome of a call did to the breaker.
type Change uint8

// The changes.
const (
	Unchanged Change = iota
	Opened           // calls passed so far and are refused from now on
	Reclosed         // calls pass again
)

// Ticket is permission for one call. It must be given back with Done.
type Ticket uint64

// Breaker is a circuit breaker. Its methods may be called concurrently. It has no
// goroutine and needs no Close.
type Breaker struct {
	config Config

	// epoch is even while closed and odd while open. It grows with every change, so
	// that calls allowed before a change do not count after it.
	epoch     atomic.Uint64
	successes atomic.Int64 // since folded
	row       atomic.Int64 // failures since the last success

	mu      sync.Mutex // guards what follows
	folded  time.Time  // when the successes were last added to ok
	ok      float64    // recent successes, weighted by age
	failed  float64    // recent failures, weighted by age
	pause   time.Duration
	next    time.Time // when the next probe may go
	probing bool      // a probe is under way
	probes  int       // that succeeded in a row
}

// New returns a closed breaker.
func New(c Config) *Breaker {
	return &Breaker{config: c.withDefaults(), folded: time.Now()}
}

// Allow asks for a call. If it reports true, the call may be made and Done must be
// called when it has ended, whatever happens. Of an open breaker it reports true for
// probes only: for one at a time, or one per pause when they do not end.
func (b *Breaker) Allow() (Ticket, bool) {
	if epoch := b.epoch.Load(); epoch%2 == 0 {
		return Ticket(epoch), true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	epoch := b.epoch.Load()
	if epoch%2 == 0 {
		return Ticket(epoch), true
	}
	now := time.Now()
	if now.Before(b.next) {
		return 0, false
	}
	b.next, b.probing = now.Add(b.pause), true
	return Ticket(epoch), true
}

// Ready reports whether Allow would allow a call now. It takes nothing.
func (b *Breaker) Ready() bool { return b.epoch.Load()%2 == 0 || b.Wait() == 0 }

// Wait returns how long calls will be refused: 0 when one may go now. It is a
// forecast: a probe that ends earlier changes it.
func (b *Breaker) Wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.epoch.Load()%2 == 0 {
		return 0
	}
	return max(time.Until(b.next), 0)
}

// State returns what the breaker does now, for people to look at: it may be another
// state before the caller has read it.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.epoch.Load()%2 == 0:
		return Closed
	case b.probing || !time.Now().Before(b.next):
		return HalfOpen
	default:
		return Open
	}
}

// Done tells how a call ended that Allow gave the ticket for, and returns what that
// changed. The outcome of a call that was allowed before an earlier change is ignored.
func (b *Breaker) Done(t Ticket, o Outcome) Change {
	if uint64(t) != b.epoch.Load() {
		return Unchanged
	}
	if t%2 == 0 && o != Failure {
		b.pass(o)
		return Unchanged
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case uint64(t) != b.epoch.Load():
		return Unchanged
	case t%2 == 0:
		return b.fail(time.Now())
	default:
		return b.probed(time.Now(), o)
	}
}

// pass notes a call that did not fail, while closed.
func (b *Breaker) pass(o Outcome) {
	if o != Success {
		return
	}
	b.successes.Add(1)
	if b.row.Load() != 0 {
		b.row.Store(0)
	}
}

// fail notes a call that failed while closed. b.mu is held.
func (b *Breaker) fail(now time.Time) Change {
	b.fold(now)
	b.failed++
	calls := b.ok + b.failed
	row := b.row.Add(1)
	if row < int64(b.config.Consecutive) && (math.Round(calls) < float64(b.config.MinCalls) || b.failed < b.config.Rate*calls) {
		return Unchanged
	}
	b.open(now, b.config.Pause)
	return Opened
}

// fold ages the weights to now and adds the successes since the last time, as if
// they had been spread evenly over it: so that a success need not read the clock.
func (b *Breaker) fold(now time.Time) {
	age := float64(now.Sub(b.folded)) / float64(b.config.Window)
	keep, spread := math.Exp(-age), 1.0
	if age > 0 {
		spread = (1 - keep) / age
	}
	b.ok = b.ok*keep + float64(b.successes.Swap(0))*spread
	b.failed *= keep
	b.folded = now
}

// probed notes how a probe ended. b.mu is held.
func (b *Breaker) probed(now time.Time, o Outcome) Change {
	b.probing = false
	switch o {
	case Success:
		if b.probes++; b.probes >= b.config.Probes {
			b.reclose(now)
			return Reclosed
		}
		b.next = now
	case Failure:
		b.open(now, min(2*b.pause, b.config.MaxPause))
	default:
		b.next = now
	}
	return Unchanged
}

// open refuses calls for the length of pause. b.mu is held.
func (b *Breaker) open(now time.Time, pause time.Duration) {
	b.pause, b.next = pause, now.Add(pause)
	b.probing, b.probes = false, 0
	b.epoch.Add(1 + b.epoch.Load()%2) // to the next odd number
}

// reclose lets calls pass and forgets what was. b.mu is held.
func (b *Breaker) reclose(now time.Time) {
	b.ok, b.failed, b.folded = 0, 0, now
	b.successes.Store(0)
	b.row.Store(0)
	b.epoch.Add(1)
}
