// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"context"
	"sync"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// part is a picker for some of the servers of a set, for policies around others. Its
// indexes are those of the whole set.
type part struct {
	picker  Picker
	tracker Tracker // the picker, if it learns
	whole   []int   // index in the set, by index in the part
	inside  []int   // index in the part, by index in the set; -1: not in it
	views   sync.Pool
}

// newPart makes a picker among the servers of a set that are in. last is the same part
// of the set before, or nil. A part without servers is nil.
func newPart(policy Policy, set []registry.Instance, last *part, in func(i int) bool) *part {
	p := &part{inside: make([]int, len(set))}
	var some []registry.Instance
	for i := range set {
		if p.inside[i] = -1; in(i) {
			p.inside[i] = len(some)
			p.whole = append(p.whole, i)
			some = append(some, set[i])
		}
	}
	if len(some) == 0 {
		return nil
	}
	var before Picker
	if last != nil {
		before = last.picker
	}
	p.picker = policy.NewPicker(some, before)
	p.tracker, _ = p.picker.(Tracker)
	p.views.New = func() any {
		v := new(view)
		v.inside = func(i int) bool { return v.usable(p.whole[i]) }
		return v
	}
	return p
}

// view says of indexes in a part whether they are usable. It is used again, because a
// function that is made for a call is an allocation.
type view struct {
	usable func(int) bool // of the set
	inside func(int) bool // of the part
}

// Pick implements Picker.
func (p *part) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	if p == nil {
		return -1
	}
	v := p.views.Get().(*view) //nolint:forcetypeassert,errcheck // nothing else is in there
	v.usable = usable
	i := p.picker.Pick(ctx, call, v.inside)
	v.usable = nil
	p.views.Put(v)
	if i < 0 {
		return -1
	}
	return p.whole[i]
}

// Begin implements Tracker.
func (p *part) Begin(i int) {
	if p != nil && p.tracker != nil && p.inside[i] >= 0 {
		p.tracker.Begin(p.inside[i])
	}
}

// End implements Tracker.
func (p *part) End(i int, o Outcome) {
	if p != nil && p.tracker != nil && p.inside[i] >= 0 {
		p.tracker.End(p.inside[i], o)
	}
}

// Close implements io.Closer.
func (p *part) Close() error {
	if p == nil {
		return nil
	}
	return shut(p.picker)
}
