// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"context"
	"math/rand/v2"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// LeastPending chooses the usable server that has the fewest calls of this client to
// answer, and by chance among equals: slow servers get less. It looks at every server,
// which suits up to some dozens; [P2C] looks at two. A server that fails at once looks
// idle: a circuit breaker keeps it from drawing all calls.
type LeastPending struct{}

// NewPicker implements Policy.
func (LeastPending) NewPicker(set []registry.Instance, last Picker) Picker {
	l, ok := last.(*pendingPicker)
	if !ok {
		l = new(pendingPicker)
	}
	p := new(pendingPicker)
	p.pending, p.byKey = carry(set, l.byKey)
	return p
}

type pendingPicker struct {
	pending []*atomic.Int64
	byKey   map[string]*atomic.Int64
}

// Pick implements Picker.
func (p *pendingPicker) Pick(_ context.Context, _ *rpcx.Call, usable func(int) bool) int {
	picked, least, equal := -1, int64(0), 0
	for i, pending := range p.pending {
		n := pending.Load()
		if picked >= 0 && n > least || !usable(i) {
			continue
		}
		if picked < 0 || n < least {
			picked, least, equal = i, n, 1
		} else if equal++; rand.IntN(equal) == 0 { // each of the equals is kept with 1/equal
			picked = i
		}
	}
	return picked
}

// Begin implements Tracker.
func (p *pendingPicker) Begin(i int) { p.pending[i].Add(1) }

// End implements Tracker.
func (p *pendingPicker) End(i int, _ Outcome) { p.pending[i].Add(-1) }
