// SPDX-License-Identifier: Apache-2.0

// Package adaptive finds out how many calls of one kind a server can work on at a time.
//
// The limit follows the gradient of latency, as TCP Vegas and the gradient limiters of
// Netflix's concurrency-limits do: while calls take about as long as they do without
// load the limit grows, by its square root at a time; when they take more than a
// multiple of that, it shrinks in the same proportion. Four things are different.
//
// There is no limit until calls run out of time, or would soon: those that are in flight
// are more than can be answered in half of the time that they have. What takes longer
// than usual is not overload as long as its callers get their answers, so a healthy
// server refuses nothing when its latency changes. The first limit is that of Little's
// law: as many as are answered in the time that one takes without load.
//
// Calls that compute wait for each other, with a limit or without: how long they take says how
// many there are. What the others before them explain of their wait is not what they usually
// take, though they have never come alone; and what nothing but this wait makes too slow needs
// no more of them than keep the processors busy.
//
// What a call takes without load is learned while there is no limit. If latency stays
// high though the limit is down at its minimum, then load is not why, and it is learned
// again: a server that waits for a slow one recovers.
//
// Only calls that began since the limit was last changed say anything about it, so
// that those which were let in before do not drive it down while they drain.
package adaptive

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Config says how a Limit behaves. All of it must be set.
type Config struct {
	// Tolerance is how many times as long as without load calls may take.
	Tolerance float64
	// Min is the lowest limit.
	Min int
	// Floor is what takes the place of Min while calls wait for nothing but each other to
	// get a processor. It is not above Min.
	Floor int
	// Processors is how many calls can compute at a time.
	Processors int
	// Eager limits whenever latency rises, whether or not calls run out of time.
	Eager bool
}

// The steps of the control.
const (
	window     = 50 * time.Millisecond // least time between two looks
	enough     = 10                    // least number of calls that are looked at
	stale      = 20 * window           // a window that is not full by then begins anew
	strikes    = 2                     // windows in a row that must be bad before there is a limit
	impatient  = 10 * time.Millisecond // budgets below say more about the scheduler than about load
	lateShare  = 0.1                   // part of the calls that run out of time under overload
	calm       = 10 * time.Second      // how long nothing is refused before the limit is lifted
	slack      = 1.5                   // how many times as long as others compute a call may wait for them
	forgetting = 1.0 / 1200            // of a window with a higher latency, on what is usual: a minute's worth
)

// Change is what became of the limit.
type Change uint8

// The changes.
const (
	None   Change = iota // nothing that others need to know
	Set                  // there is a limit now
	Lifted               // there is none any more
)

// Limit is the limit for one kind of calls. The zero value with a Config is ready. Its
// methods may be called concurrently; those that are called for every call take no lock
// while there is no limit.
type Limit struct {
	config   Config
	limit    atomic.Int64 // 0: none
	inFlight atomic.Int64
	refused  atomic.Bool // since the last look

	mu      sync.Mutex    // guards what follows
	usual   time.Duration // what calls take without load; 0: not known
	changed time.Time     // when the limit was
	busy    time.Time     // when last a call was refused
	bad     int           // windows in a row
	w       sample
}

// New makes a limit that does not limit yet.
func New(c Config) *Limit { return &Limit{config: c} }

// Limit returns how many calls may run, 0 for any number.
func (l *Limit) Limit() int { return int(l.limit.Load()) }

// InFlight returns how many do.
func (l *Limit) InFlight() int { return int(l.inFlight.Load()) }

// Enter lets a call in, unless that makes more than share times the limit. What was let
// in has to Leave.
func (l *Limit) Enter(share float64) bool {
	n := l.inFlight.Add(1)
	limit := l.limit.Load()
	if limit == 0 || n <= int64(math.Ceil(float64(limit)*share)) {
		return true
	}
	l.inFlight.Add(-1)
	l.refused.Store(true)
	return false
}

// Stay is what a call that has ended says about the others.
type Stay struct {
	Began, Ended time.Time     // when it was let in, and when it left
	Waited       time.Duration // of that, before it ran
	Budget       time.Duration // the time that it had when it began; 0: it had no deadline
	Queue        int           // how many calls, of whatever kind, waited to run when it left
}

// took is all of its time.
func (s *Stay) took() time.Duration { return s.Ended.Sub(s.Began) }

// Leave notes that a call which was let in has ended.
func (l *Limit) Leave(s Stay) Change {
	n := l.inFlight.Add(-1) + 1
	return l.note(&s, n)
}

// Forget notes that a call has ended which says nothing about how long calls take.
func (l *Limit) Forget() { l.inFlight.Add(-1) }

// Missed notes a call that ran out of time and did not Enter, as none has to while there
// is no limit. usual is what such calls take without load, as far as the caller knows.
func (l *Limit) Missed(s Stay, usual time.Duration) Change {
	if l.limit.Load() != 0 {
		return None
	}
	l.mu.Lock()
	if l.usual == 0 {
		l.usual = max(usual, 1)
	}
	l.mu.Unlock()
	return l.note(&s, l.inFlight.Load()+1)
}

func (l *Limit) note(s *Stay, inFlight int64) Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.Began.Before(l.changed) {
		return None
	}
	if l.w.stale(s.Ended) {
		l.w = sample{began: s.Ended}
	}
	l.w.add(s, inFlight)
	if !l.w.full(s.Ended) {
		return None
	}
	return l.look(s.Ended)
}

// look draws the conclusions of a full window. l.mu is held.
func (l *Limit) look(now time.Time) Change {
	w, limit := l.w, float64(l.limit.Load())
	l.w = sample{}
	alone := w.alone(l.config.Processors)
	if l.usual == 0 {
		l.usual = alone
	}
	bearable := l.config.Tolerance * float64(l.usual)
	ratio := float64(w.mean()) / bearable // above 1: too slow
	if limit == 0 {
		rate := float64(w.count) / now.Sub(w.began).Seconds()
		if ratio <= 1 || !l.config.Eager && !w.hopeless(float64(l.inFlight.Load())/rate) {
			l.learn(alone)
			l.bad = 0
			return None
		}
		if l.bad++; l.bad < strikes {
			return None
		}
		l.bad = 0
		l.change(rate*l.usual.Seconds()*l.config.Tolerance, l.config.Min, now)
		l.busy = now
		return Set
	}
	if l.refused.Swap(false) {
		l.busy = now
	}
	least, slow := l.config.Floor, float64(alone) > bearable
	if slow { // not only because calls wait for each other
		least = l.config.Min
	}
	switch {
	case ratio > 1 && slow && int(limit) <= least:
		l.usual = alone // load is not the reason
		l.change(limit+math.Sqrt(limit), least, now)
	case ratio > 1:
		l.change(limit*max(1/ratio, 0.5), least, now)
	case now.Sub(l.busy) > calm:
		l.limit.Store(0)
		return Lifted
	default:
		l.usual = min(l.usual, (l.usual+alone)/2)
		if float64(w.peak) >= limit/2 {
			l.change(limit+math.Sqrt(limit), least, now)
		}
	}
	return None
}

// Late reports whether an answer comes too late to be of use that comes when so much of
// the budget is left. Who gives up at a deadline is gone a little before it.
func Late(left, budget time.Duration) bool { return left <= min(budget/10, 5*time.Millisecond) }

// learn follows what calls take without load: down at once, up in minutes, so that it is
// still known when the load has come. l.mu is held.
func (l *Limit) learn(mean time.Duration) {
	if mean < l.usual {
		l.usual = (l.usual + mean) / 2
		return
	}
	l.usual += time.Duration(float64(mean-l.usual) * forgetting)
}

// change sets the limit. l.mu is held.
func (l *Limit) change(to float64, least int, now time.Time) {
	l.limit.Store(max(int64(least), int64(min(to, math.MaxInt32))))
	l.changed = now
}
