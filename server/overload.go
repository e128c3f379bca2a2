// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/adaptive"
)

// AdaptiveLimit says how a server deals with more calls than it can answer in time. Each
// method gets a limit of its own on how many of its calls are worked on at a time, when
// two things come together: calls run out of time, or those that came could not be
// answered in half of theirs, and they take much longer than the method does without
// load. What comes beyond it is refused at once, with
// ResourceExhausted and not executed, calls of low priority first (rpcx.WithPriority). The
// limit follows what the method can do, and is lifted when nothing was refused for 10 s.
//
// So a method that answers in less than half of the time that it has is never limited,
// however slow it becomes; and one whose callers set no deadlines is not either, except
// with Eager. The zero value is the
// default.
type AdaptiveLimit struct {
	// Tolerance is how many times as long as without load a method's calls may take.
	// Default 2.
	Tolerance float64
	// Min is the lowest limit. Default: twice the number of processors, at least 4; of
	// a method whose calls only wait for each other to get a processor, one more than there are.
	Min int
	// Eager limits a method whenever its latency rises, whether or not calls run out of
	// time: for servers whose callers set no deadlines.
	Eager bool
	// Off switches the limits off.
	Off bool

	floor int // what Min is for calls that wait for a processor
}

// WithAdaptiveLimit changes how the server deals with overload. Default: on, see
// AdaptiveLimit.
func WithAdaptiveLimit(a AdaptiveLimit) Option {
	return option(func(c *config) { c.adaptive = a })
}

// WithPriority says which priority a call has, for whoever can reach the server can say of
// his calls that it is high, and then others are refused before them. ctx and c know the
// peer, with its certificate, and what the call says of itself: rpcx.PriorityOf(c.Header). f
// runs on the goroutine that reads the connection, before authentication, so it must be
// quick; the Args of the call are not decoded. If it panics the priority is normal.
// rpcx.IncomingPriority tells handlers what the call says all the same. Default: what the
// call says.
func WithPriority(f func(ctx context.Context, c *rpcx.Call) rpcx.Priority) Option {
	return option(func(c *config) { c.priority = f })
}

// priority returns the priority of a call.
func (in *inbound) priority() rpcx.Priority {
	s := in.conn.server
	if s.config.priority == nil {
		return rpcx.PriorityOf(in.meta)
	}
	p := rpcx.NormalPriority
	s.guard("the priority of a call", func() { p = s.config.priority(in, &in.call) })
	return min(max(p, rpcx.LowPriority), rpcx.HighPriority)
}

// resolve fills in the defaults.
func (a AdaptiveLimit) resolve() (AdaptiveLimit, error) {
	if a.Tolerance == 0 {
		a.Tolerance = 2
	}
	a.floor = a.Min
	if a.Min == 0 {
		n := runtime.GOMAXPROCS(0)
		a.Min, a.floor = max(4, 2*n), n+1
	}
	if a.Tolerance <= 1 || math.IsNaN(a.Tolerance) || a.Min < 1 {
		return a, fmt.Errorf("server: adaptive limit with Tolerance %v and Min %d, want more than 1 and at least 1, or 0 for the defaults", a.Tolerance, a.Min)
	}
	return a, nil
}

// limiter returns the limit of a new method; nil: none.
func (a AdaptiveLimit) limiter(processors int) *adaptive.Limit {
	if a.Off {
		return nil
	}
	return adaptive.New(adaptive.Config{
		Tolerance:  a.Tolerance,
		Min:        a.Min,
		Floor:      a.floor,
		Processors: processors,
		Eager:      a.Eager,
	})
}

// What part of a limit calls may fill up, by their priority: below it the calls of higher
// priority find room.
const (
	lowShare    = 0.75
	normalShare = 1.0
	highShare   = 1.25 // of the limit of a method; that of the server is none to exceed
)

func share(p rpcx.Priority) float64 {
	switch p {
	case rpcx.LowPriority:
		return lowShare
	case rpcx.HighPriority:
		return highShare
	default:
		return normalShare
	}
}

var (
	errOverloaded = rpcx.Errorf(rpcx.ResourceExhausted, "server: overloaded: as many handlers run as may").NotExecuted()
	errLimited    = rpcx.Errorf(rpcx.ResourceExhausted, "server: overloaded: as many calls of the method run as it can answer in time").NotExecuted()
	errBehind     = rpcx.Errorf(rpcx.ResourceExhausted, "server: overloaded: the call had to wait for half of its time").NotExecuted()
)

// inline reports whether a call of the method may run in the goroutine that reads. Under
// overload, when the processor is what there is too little of, a method that needs time
// may not, whatever that would save: it is let in by its limit.
func (m *method) inline(mon *monitor) bool {
	return m.pace.quick(m.noise(mon.noise()), func() bool { return m.starved(mon) })
}

// pooled notes what a call took that ran in the pool. Under overload the method stays there.
func (m *method) pooled(took time.Duration, mon *monitor) {
	m.pace.pooled(took, m.noise(mon.noise()), func() bool { return !m.crowded() && m.pace.starved() })
}

// starved reports whether most of the calls that run inline wait for a processor. Under overload
// that is no excuse.
func (m *method) starved(mon *monitor) bool { return !m.crowded() && mon.starved() }

// noise is what may be put down to noise, given what there is of it on this machine now.
func (m *method) noise(noise time.Duration) time.Duration {
	if m.crowded() {
		return 0
	}
	return noise
}

// crowded reports whether the method has more calls than it can answer in time.
func (m *method) crowded() bool { return m.limit != nil && m.limit.Limit() != 0 }

// enter lets a call in that will run in the pool, or says why not.
func (in *inbound) enter() error {
	s, m := in.conn.server, in.method
	priority := in.priority()
	share := share(priority)
	if share < normalShare && s.workers.full(share) {
		return errOverloaded
	}
	if m.limit == nil {
		return nil
	}
	if m.crowded() && !m.gate.open(priority, &s.workers) {
		share = 0
	}
	if !m.limit.Enter(share) {
		m.gate.close(priority, &s.workers)
		return errLimited
	}
	in.entered = max(time.Since(s.made), 1)
	return nil
}

// runs notes that a processor has begun to run the call in the pool.
func (in *inbound) runs(now time.Time) {
	if in.entered > 0 {
		waited := now.Sub(in.conn.server.made) - in.entered
		in.waited = uint32(min(waited.Microseconds(), math.MaxUint32)) //nolint:gosec // it fits
	}
}

// exit undoes enter, when the call has ended. The limit learns how long it took, unless
// it ended for other reasons than that its handler returned.
func (in *inbound) exit() {
	if in.entered == 0 {
		return
	}
	s, m := in.conn.server, in.method
	stay := adaptive.Stay{
		Began:  s.made.Add(in.entered),
		Ended:  time.Now(),
		Waited: time.Duration(in.waited) * time.Microsecond,
		Queue:  s.workers.queued(),
	}
	in.entered = 0
	if !in.handled && !in.expired {
		m.limit.Forget()
		return
	}
	if at, ok := in.Deadline(); ok {
		stay.Budget = max(at.Sub(stay.Began), 1)
	}
	s.herald.limited(m, m.limit.Leave(stay))
}

// ranLate tells the limit of a method whose calls run inline, though they need time, if
// one has run out of it. A method that needs none gains nothing from a limit.
func (in *inbound) ranLate(now time.Time) {
	m := in.method
	at, ok := in.Deadline()
	if !ok || !adaptive.Late(at.Sub(now), in.budget) || m.limit == nil || in.entered != 0 || m.pace.fits(0) {
		return
	}
	stay := adaptive.Stay{Began: at.Add(-in.budget), Ended: now, Budget: in.budget}
	in.conn.server.herald.limited(m, m.limit.Missed(stay, time.Duration(m.pace.mean.Load())))
}

// overdue returns why a call is too late to be run; nil if it is not.
func (in *inbound) overdue() error {
	at, ok := in.Deadline()
	if !ok {
		return nil
	}
	h := &in.conn.server.herald
	switch now := time.Now(); {
	case !now.Before(at):
		in.expired = true
		in.ranLate(now)
		return h.missed(in, errExpired)
	case in.behind && now.Sub(at.Add(-in.budget)) > max(in.budget/2, tick):
		return h.refused(in, errBehind)
	default:
		return nil
	}
}
