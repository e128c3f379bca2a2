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

	line []time.Time // of those that wait: when they came
	busy []job       // in the order in which they end
	last time.Time   // arrival

	good, offered, refused int
	set, lifted            int
}

type job struct{ came, ends time.Time }

func newPlant(deadline time.Duration, eager bool) *plant {
	return &plant{
		limit:    adaptive.New(adaptive.Config{Tolerance: 2, Min: 4, Eager: eager}),
		now:      time.Unix(0, 0),
		deadline: deadline,
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
		for ; p.now.Sub(p.last) >= every; p.last = p.last.Add(every) {
			if p.last.Before(p.now.Add(-time.Second)) {
				p.last = p.now
			}
			p.offered++
			if !p.limit.Enter(1) {
				p.refused++
				continue
			}
			p.line = append(p.line, p.now)
		}
		for len(p.line) > 0 && len(p.busy) < slots {
			p.busy = append(p.busy, job{p.line[0], p.now.Add(takes)})
			p.line = p.line[1:]
		}
	}
}

func (p *plant) end(j job) {
	late := j.ends.Sub(j.came) > p.deadline
	if !late {
		p.good++
	}
	switch p.limit.Leave(j.came, p.now, p.deadline) {
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

// Without a limit the same load leaves next to nothing: the test above could fail.
func TestCollapseWithout(t *testing.T) {
	t.Parallel()
	p := newPlant(100*time.Millisecond, false)
	p.limit = adaptive.New(adaptive.Config{Tolerance: 1e9, Min: 4})
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
	l := adaptive.New(adaptive.Config{Tolerance: 2, Min: 4})
	now, set := time.Unix(0, 0), 0
	for range 100 {
		now = now.Add(5 * time.Millisecond)
		if l.Missed(now.Add(-100*time.Millisecond), now, 100*time.Millisecond, time.Millisecond) == adaptive.Set {
			set++
		}
	}
	if set != 1 || l.Limit() != 4 {
		t.Errorf("the limit is %d and was set %d times", l.Limit(), set)
	}
}
