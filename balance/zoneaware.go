// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// ZoneAware prefers servers in the client's own zone, which is cheaper and faster, as
// far as the others there can bear it: when a share d of the zone's servers is down, a
// share d*d of the calls leaves it. So none of those that are left ever gets more than
// twice its calls, and a zone that is down gets none.
type ZoneAware struct {
	Zone string // the client's; "": no preference
	Key  string // of the zone in a server's metadata; default "zone"
	Then Policy // chooses within the zone, and outside of it; default RoundRobin
}

// NewPicker implements Policy.
func (z ZoneAware) NewPicker(set []registry.Instance, last Picker) Picker {
	then, key := z.Then, cmp.Or(z.Key, "zone")
	if then == nil {
		then = RoundRobin{}
	}
	l, _ := last.(*zonePicker)
	if l == nil {
		l = new(zonePicker)
	}
	near := func(i int) bool { return z.Zone == "" || set[i].Meta.Get(key) == z.Zone }
	return &zonePicker{
		near: newPart(then, set, l.near, near),
		far:  newPart(then, set, l.far, func(i int) bool { return !near(i) }),
	}
}

type zonePicker struct{ near, far *part }

// Pick looks at two servers of the zone: when both are down it leaves.
func (p *zonePicker) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	first, second := p.near, p.far
	if p.near != nil && p.far != nil && !p.anyUp(usable) && !p.anyUp(usable) {
		first, second = p.far, p.near
	}
	if i := first.Pick(ctx, call, usable); i >= 0 {
		return i
	}
	return second.Pick(ctx, call, usable)
}

func (p *zonePicker) anyUp(usable func(int) bool) bool {
	return usable(p.near.whole[rand.IntN(len(p.near.whole))])
}

// Begin implements Tracker.
func (p *zonePicker) Begin(i int) { p.near.Begin(i); p.far.Begin(i) }

// End implements Tracker.
func (p *zonePicker) End(i int, o Outcome) { p.near.End(i, o); p.far.End(i, o) }

// Close implements io.Closer.
func (p *zonePicker) Close() error { return errors.Join(p.near.Close(), p.far.Close()) }
