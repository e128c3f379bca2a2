// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// P2C chooses the better one of two usable servers that it draws: the power of two
// choices. Better is where latency, times calls pending and this one, is less. Latency
// is an average in which older calls count exponentially less; an attempt that failed
// counts as one of a second at least. So slow, busy and failing servers get less, and
// clients with the same knowledge do not all run to the same server.
type P2C struct {
	Decay time.Duration // after which a call counts only 1/e; default 2 s
}

// NewPicker implements Policy.
func (c P2C) NewPicker(set []registry.Instance, last Picker) Picker {
	p := &p2cPicker{epoch: time.Now(), decay: float64(cmp.Or(max(c.Decay, 0), 2*time.Second))}
	l, ok := last.(*p2cPicker)
	if !ok {
		l = new(p2cPicker)
	} else {
		p.epoch = l.epoch
	}
	p.loads, p.byKey = carry(set, l.byKey)
	return p
}

type p2cPicker struct {
	epoch time.Time // what the times of load count from
	decay float64   // ns
	loads []*load
	byKey map[string]*load
}

// load is what is known of a server. Each field is right by itself; that another call
// ends between two of them makes the average a little less exact.
type load struct {
	pending atomic.Int64
	latency atomic.Uint64 // average in ns, the bits of a float64; 0: not known
	at      atomic.Int64  // when it was updated, in ns since the epoch
	probed  atomic.Int64  // when a call last went there whatever the cost
}

// probeAfter is how long a server's latency is believed. Without that a server that was
// slow once would never get the call that shows otherwise.
const probeAfter = time.Second

// Pick implements Picker.
func (p *p2cPicker) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	a := randomPicker(len(p.loads)).Pick(ctx, call, usable)
	b := p.another(a, usable)
	if b < 0 {
		return a
	}
	x, y := p.loads[a], p.loads[b]
	now := int64(time.Since(p.epoch))
	switch {
	case x.stale(now):
		return a
	case y.stale(now):
		return b
	case x.cost() <= y.cost():
		return a
	default:
		return b
	}
}

// another draws a usable server besides a, as Random does; -1 if there is none.
func (p *p2cPicker) another(a int, usable func(int) bool) int {
	n := len(p.loads)
	if a < 0 || n == 1 {
		return -1
	}
	for range 4 {
		if b := (a + 1 + rand.IntN(n-1)) % n; usable(b) {
			return b
		}
	}
	start := rand.IntN(n)
	for i := range n {
		if b := (start + i) % n; b != a && usable(b) {
			return b
		}
	}
	return -1
}

// stale reports, to one of several callers, that a server should be tried again.
func (l *load) stale(now int64) bool {
	at, probed := l.at.Load(), l.probed.Load()
	return l.latency.Load() != 0 && l.pending.Load() == 0 && now-max(at, probed) > int64(probeAfter) &&
		l.probed.CompareAndSwap(probed, now)
}

// cost is how long a call would take. A server that nothing is known of gets one call
// before any other one, and no more until that has ended.
func (l *load) cost() float64 {
	pending := float64(l.pending.Load())
	latency := math.Float64frombits(l.latency.Load())
	switch {
	case latency != 0:
		return latency * (pending + 1)
	case pending == 0:
		return 0
	default:
		return math.MaxInt64 * pending
	}
}

// Begin implements Tracker.
func (p *p2cPicker) Begin(i int) { p.loads[i].pending.Add(1) }

// End implements Tracker.
func (p *p2cPicker) End(i int, o Outcome) {
	l := p.loads[i]
	l.pending.Add(-1)
	took := float64(o.Latency)
	average := math.Float64frombits(l.latency.Load())
	switch {
	case o.Failed():
		took = max(took, float64(time.Second))
	case took == 0:
		return // nothing was waited for
	case took < average && o.Err != nil && rpcx.CodeOf(o.Err) == rpcx.Canceled:
		return // it would have taken longer, nobody knows how long
	}
	now := int64(time.Since(p.epoch))
	age := float64(now - l.at.Swap(now))
	if average != 0 {
		old := math.Exp(-max(age, 0) / p.decay)
		took = average*old + took*(1-old)
	}
	l.latency.Store(math.Float64bits(took))
}
