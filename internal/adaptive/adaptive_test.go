// SPDX-License-Identifier: Apache-2.0

package adaptive_test

import (
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/internal/adaptive"
)

// plant is a server in a world of its own: calls wait in line for one of its slots.
// Callers go away when their time is up, which the server does not notice.
type plant struct {
	limit    *adaptive.Limit
	now      time.Time
	deadline time.Duration
	computes bool          // the slots are processors: a call that waits for one has not begun
	hold     time.Duration // how long something else keeps a processor from a call
	group    int           // calls that come together

	line []time.Time // of those that wait: when they came
	busy []job       // in the order in which they end
	last time.Time   // arrival

	good, offered, refused int
	set, lifted            int
}

type job struct{ came, began, ends time.Time }

func newPlant(deadline time.Duration, eager bool) *plant {
	return &plant{
		limit:    adaptive.New(adaptive.Config{Tolerance: 2, Min: 4, Floor: 2, Processors: 1, Eager: eager}),
		now:      time.Unix(0, 0),
		deadline: deadline,
		group:    1,
	}
}

// run offers a call every so often for a while, to slots that take so long for each.
func (p *plant) run(length, every time.Duration, slots int, takes time.Duration) {
	p.good, p.offered, p.refused = 0, 0, 0
	for end := p.now.Add(length); p.now.Before(end); p.now = p.now.Add(100 * time.Microsecond) {
		for len(p.busy) > 0 && !p.busy[0].ends.After(p.now) {
			p.end(p.busy[0])
			p.busy = p.busy[1:]
		}
		together := every * time.Duration(p.group)
		for ; p.now.Sub(p.last) >= together; p.last = p.last.Add(together) {
			if p.last.Before(p.now.Add(-time.Second)) {
				p.last = p.now
			}
			for range p.group {
				p.come()
			}
		}
		for len(p.line) > 0 && len(p.busy) < slots {
			began := p.now.Add(p.hold)
			p.busy = append(p.busy, job{p.line[0], began, began.Add(takes)})
			p.line = p.line[1:]
		}
	}
}

func (p *plant) come() {
	p.offered++
	if !p.limit.Enter(1) {
		p.refused++
		return
	}
	p.line = append(p.line, p.now)
}

func (p *plant) end(j job) {
	late := j.ends.Sub(j.came) > p.deadline
	if !late {
		p.good++
	}
	stay := adaptive.Stay{Began: j.came, Ended: p.now, Budget: p.deadline}
	if p.computes {
		stay.Waited, stay.Queue = j.began.Sub(j.came), len(p.line)
	}
	switch p.limit.Leave(stay) {
	case adaptive.Set:
		p.set++
	case adaptive.Lifted:
		p.lifted++
	}
}

// Ten times as much as it can do leaves a server doing nearly as much as it can, for
// as long as that goes on, and it is back to normal soon.
func TestOverload(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		deadline time.Duration
		slots    int
		takes    time.Duration
	}{
		{"waiting handlers", 100 * time.Millisecond, 10, 10 * time.Millisecond},
		{"patient callers", 2 * time.Second, 10, 10 * time.Millisecond},
		{"one at a time", 100 * time.Millisecond, 1, time.Millisecond},
		{"slow handlers", time.Second, 100, 100 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			capacity := float64(tt.slots) / tt.takes.Seconds()
			every := time.Duration(float64(time.Second) / capacity)
			p := newPlant(tt.deadline, false)
			p.run(10*time.Second, 2*every, tt.slots, tt.takes)
			if p.refused > 0 || p.good < p.offered-tt.slots {
				t.Fatalf("at half load %d of %d calls were refused and %d answered in time", p.refused, p.offered, p.good)
			}
			p.run(10*time.Second, every/10, tt.slots, tt.takes) // the onset
			p.run(time.Minute, every/10, tt.slots, tt.takes)
			if want := int(0.8 * capacity * 60); p.good < want {
				t.Errorf("at tenfold load %d calls were answered in time, want %d", p.good, want)
			}
			p.run(time.Second, 2*every, tt.slots, tt.takes)
			p.run(time.Minute, 2*every, tt.slots, tt.takes)
			if p.refused > 0 || p.good < p.offered-tt.slots {
				t.Errorf("after it %d of %d calls were refused and %d answered in time", p.refused, p.offered, p.good)
			}
			if p.limit.Limit() != 0 || p.set != 1 || p.lifted != 1 {
				t.Errorf("the limit is %d after it, was set %d times and lifted %d times", p.limit.Limit(), p.set, p.lifted)
			}
		})
	}
}

// Calls that compute, and never come alone, are known to wait for each other. Under overload
// no more are let in than keep the processors busy, and so nothing waits long behind them.
func TestComputing(t *testing.T) {
	t.Parallel()
	for _, processors := range []int{1, 4} {
		p := newPlant(200*time.Millisecond, false)
		p.computes, p.group = true, 4*processors
		p.limit = adaptive.New(adaptive.Config{Tolerance: 2, Min: 2 * (processors + 1), Floor: processors + 1, Processors: processors})
		every := time.Millisecond / time.Duration(processors)
		p.run(5*time.Second, 2*every, processors, time.Millisecond)
		if p.refused > 0 {
			t.Fatalf("%d processors: %d calls were refused at half load", processors, p.refused)
		}
		p.group = 1
		p.run(5*time.Second, every/10, processors, time.Millisecond) // the onset
		good, highest := 0, 0
		for range 100 {
			p.run(100*time.Millisecond, every/10, processors, time.Millisecond)
			good += p.good
			highest = max(highest, p.limit.Limit())
		}
		if want := 8000 * processors; good < want {
			t.Errorf("%d processors: %d calls were answered in time, want %d", processors, good, want)
		}
		if highest > 3*processors {
			t.Errorf("%d processors: the limit went up to %d", processors, highest)
		}
	}
}

// What else keeps the processors busy is not the load of the calls that wait: they are let in
// as they are when they wait for anything else.
func TestWaitsForSomethingElse(t *testing.T) {
	t.Parallel()
	p := newPlant(100*time.Millisecond, false)
	p.computes = true
	p.run(10*time.Second, time.Millisecond, 1000, 200*time.Microsecond)
	p.run(10*time.Second, time.Millisecond, 1000, 150*time.Millisecond) // all are late
	if p.set != 1 {
		t.Fatalf("the limit was set %d times while all calls ran out of time", p.set)
	}
	p.hold = 10 * time.Millisecond
	p.run(10*time.Second, time.Millisecond, 1000, 200*time.Microsecond)
	p.run(10*time.Second, time.Millisecond, 1000, 200*time.Microsecond)
	if p.refused > 0 || p.good < p.offered-100 {
		t.Errorf("still %d of %d calls are refused", p.refused, p.offered)
	}
}

// Without a limit the same load leaves next to nothing: the test above could fail.
func TestCollapseWithout(t *testing.T) {
	t.Parallel()
	p := newPlant(100*time.Millisecond, false)
	p.limit = adaptive.New(adaptive.Config{Tolerance: 1e9, Min: 4, Floor: 2, Processors: 1})
	p.run(20*time.Second, 100*time.Microsecond, 10, 10*time.Millisecond)
	if p.good > 1000 {
		t.Errorf("%d calls were answered in time", p.good)
	}
}

// Latency alone refuses nothing, as long as callers get their answers.
func TestSlownessIsNotOverload(t *testing.T) {
	t.Parallel()
	p := newPlant(time.Second, false)
	p.run(10*time.Second, 10*time.Millisecond, 1000, time.Millisecond)
	p.run(time.Minute, 10*time.Millisecond, 1000, 450*time.Millisecond)
	if p.refused > 0 || p.set > 0 {
		t.Errorf("%d calls were refused because something else became slow", p.refused)
	}
}

// Nor do callers who never had a chance.
func TestShortDeadlinesAreNotOverload(t *testing.T) {
	t.Parallel()
	for _, patience := range []time.Duration{time.Millisecond, 50 * time.Millisecond} {
		p := newPlant(patience, false)
		p.run(time.Minute, 10*time.Millisecond, 1000, 100*time.Millisecond)
		if p.refused > 0 || p.set > 0 {
			t.Errorf("%d calls were refused because their callers had %v", p.refused, patience)
		}
	}
	p := newPlant(5*time.Millisecond, false)
	p.run(time.Second, 10*time.Millisecond, 10, time.Millisecond)
	p.run(10*time.Second, 100*time.Microsecond, 10, 2*time.Millisecond)
	if p.refused > 0 || p.set > 0 {
		t.Errorf("%d calls were refused whose callers wait 5 ms", p.refused)
	}
}

// A limit that was set because something behind the server hung finds out that load is
// not the reason, and lets calls through again.
func TestRelearns(t *testing.T) {
	t.Parallel()
	p := newPlant(100*time.Millisecond, false)
	p.run(10*time.Second, time.Millisecond, 1000, 5*time.Millisecond)
	p.run(10*time.Second, time.Millisecond, 1000, 150*time.Millisecond) // all are late
	if p.set != 1 {
		t.Fatalf("the limit was set %d times while all calls ran out of time", p.set)
	}
	p.run(10*time.Second, time.Millisecond, 1000, 50*time.Millisecond) // slower than ever, yet in time
	p.run(10*time.Second, time.Millisecond, 1000, 50*time.Millisecond)
	if p.refused > 0 || p.good < p.offered-100 {
		t.Errorf("still %d of %d calls are refused", p.refused, p.offered)
	}
}

func TestEager(t *testing.T) {
	t.Parallel()
	p := newPlant(time.Hour, true)
	p.run(10*time.Second, 2*time.Millisecond, 10, 10*time.Millisecond)
	p.run(30*time.Second, 100*time.Microsecond, 10, 10*time.Millisecond)
	if p.set != 1 || p.limit.InFlight() > 100 {
		t.Errorf("the limit was set %d times; %d calls are in flight", p.set, p.limit.InFlight())
	}
}

// Some get less than the limit, and some more.
func TestShares(t *testing.T) {
	t.Parallel()
	p := newPlant(50*time.Millisecond, false)
	p.run(10*time.Second, 2*time.Millisecond, 10, 10*time.Millisecond)
	p.run(10*time.Second, 100*time.Microsecond, 10, 10*time.Millisecond)
	limit := p.limit.Limit()
	for p.limit.InFlight() < limit {
		p.limit.Enter(1)
	}
	if p.limit.Enter(0.5) || p.limit.Enter(1) || !p.limit.Enter(2) {
		t.Errorf("at the limit of %d the shares do not count", limit)
	}
	if p.limit.InFlight() != limit+1 {
		t.Errorf("%d calls are in flight, want %d", p.limit.InFlight(), limit+1)
	}
	p.limit.Forget()
	if p.limit.InFlight() != limit {
		t.Errorf("%d calls are in flight after one was forgotten, want %d", p.limit.InFlight(), limit)
	}
}

// Calls that ran out of time before Enter was asked set a limit as well.
func TestMissed(t *testing.T) {
	t.Parallel()
	l := adaptive.New(adaptive.Config{Tolerance: 2, Min: 4, Floor: 2, Processors: 1})
	now, set := time.Unix(0, 0), 0
	for range 100 {
		now = now.Add(5 * time.Millisecond)
		if l.Missed(adaptive.Stay{Began: now.Add(-100 * time.Millisecond), Ended: now, Budget: 100 * time.Millisecond}, time.Millisecond) == adaptive.Set {
			set++
		}
	}
	if set != 1 || l.Limit() != 4 {
		t.Errorf("the limit is %d and was set %d times", l.Limit(), set)
	}
}
