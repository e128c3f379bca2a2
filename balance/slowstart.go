// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// SlowStart spares servers that have just appeared, whose caches are cold: their share
// of calls grows evenly from a tenth to the full one. Servers that are there when the
// client starts count as old; one that went away and came back counts as new. While a
// server is new, its calls are spread by chance over the others.
type SlowStart struct {
	Window time.Duration // how long a server is new; default 30 s
	Then   Policy        // chooses; default RoundRobin
}

// NewPicker implements Policy.
func (s SlowStart) NewPicker(set []registry.Instance, last Picker) Picker {
	then := s.Then
	if then == nil {
		then = RoundRobin{}
	}
	p := &slowPicker{window: cmp.Or(max(s.Window, 0), 30*time.Second), born: make([]time.Time, len(set))}
	l, _ := last.(*slowPicker)
	if l == nil {
		p.then = newPart(then, set, nil, everyone)
		p.birth = make(map[string]time.Time)
		for _, in := range set {
			p.birth[in.Key()] = time.Time{}
		}
		return p
	}
	p.then = newPart(then, set, l.then, everyone)
	p.birth = make(map[string]time.Time, len(set))
	now := time.Now()
	for i, in := range set {
		born, known := l.birth[in.Key()]
		if !known {
			born = now
		}
		p.born[i], p.birth[in.Key()] = born, born
		if born.After(p.youngest) {
			p.youngest = born
		}
	}
	return p
}

type slowPicker struct {
	then     *part
	window   time.Duration
	born     []time.Time          // zero: before the client
	birth    map[string]time.Time // the same by key, for the next picker
	youngest time.Time
	views    sync.Pool
}

// spared is a function for Pick that is used again, to save an allocation.
type spared struct {
	usable  func(int) bool // of the call
	now     time.Time
	lenient func(int) bool // usable, and not spared
}

// Pick makes new servers look unusable by chance. If no other is usable they do it all.
func (p *slowPicker) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	if p.youngest.IsZero() {
		return p.then.Pick(ctx, call, usable)
	}
	now := time.Now()
	if now.Sub(p.youngest) >= p.window {
		return p.then.Pick(ctx, call, usable)
	}
	s, ok := p.views.Get().(*spared)
	if !ok {
		s = new(spared)
		s.lenient = func(i int) bool { return p.takesPart(i, s.now) && s.usable(i) }
	}
	s.usable, s.now = usable, now
	i := p.then.Pick(ctx, call, s.lenient)
	s.usable = nil
	p.views.Put(s)
	if i >= 0 {
		return i
	}
	return p.then.Pick(ctx, call, usable)
}

func (p *slowPicker) takesPart(i int, now time.Time) bool {
	age := now.Sub(p.born[i])
	return age >= p.window || rand.Float64() < 0.1+0.9*float64(age)/float64(p.window)
}

// Begin implements Tracker.
func (p *slowPicker) Begin(i int) { p.then.Begin(i) }

// End implements Tracker.
func (p *slowPicker) End(i int, o Outcome) { p.then.End(i, o) }

// Close implements io.Closer.
func (p *slowPicker) Close() error { return p.then.Close() }
