// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"context"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// Sticky keeps to the server that was chosen first, for all calls of the client, until
// that is down, fails a call or is gone from discovery. Then another one is chosen and
// kept. For stickiness by user or session see [ConsistentHash] and [WithKey].
type Sticky struct {
	Then Policy // chooses; default Random
}

// NewPicker implements Policy.
func (s Sticky) NewPicker(set []registry.Instance, last Picker) Picker {
	then := s.Then
	if then == nil {
		then = Random{}
	}
	p := &stickyPicker{set: set}
	p.kept.Store(-1)
	l, _ := last.(*stickyPicker)
	if l == nil {
		p.then = newPart(then, set, nil, everyone)
		return p
	}
	p.then = newPart(then, set, l.then, everyone)
	if kept := l.kept.Load(); kept >= 0 {
		for i, in := range set {
			if in.Key() == l.set[kept].Key() {
				p.kept.Store(int64(i))
			}
		}
	}
	return p
}

func everyone(int) bool { return true }

type stickyPicker struct {
	set  []registry.Instance
	then *part
	kept atomic.Int64 // index; -1: none yet
}

// Pick lets the first of several concurrent callers choose for all.
func (p *stickyPicker) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	for {
		kept := p.kept.Load()
		if kept >= 0 && usable(int(kept)) {
			return int(kept)
		}
		i := p.then.Pick(ctx, call, usable)
		if i < 0 || p.kept.CompareAndSwap(kept, int64(i)) {
			return i
		}
	}
}

// Begin implements Tracker.
func (p *stickyPicker) Begin(i int) { p.then.Begin(i) }

// End implements Tracker. A server that has failed a call is kept no longer.
func (p *stickyPicker) End(i int, o Outcome) {
	if o.Failed() {
		p.kept.CompareAndSwap(int64(i), -1)
	}
	p.then.End(i, o)
}

// Close implements io.Closer.
func (p *stickyPicker) Close() error { return p.then.Close() }
