// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"context"
	"math/rand/v2"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// RoundRobin chooses the usable servers in turn. It begins at a random one, so that
// many clients that start together do not move in step.
type RoundRobin struct{}

// NewPicker implements Policy.
func (RoundRobin) NewPicker(set []registry.Instance, last Picker) Picker {
	p := &roundRobinPicker{n: uint64(len(set))}
	if l, ok := last.(*roundRobinPicker); ok {
		p.next.Store(l.next.Load()) // the same servers with other metadata keep their turns
	} else {
		p.next.Store(rand.Uint64N(p.n))
	}
	return p
}

type roundRobinPicker struct {
	n    uint64
	next atomic.Uint64
}

// Pick takes the next server. One that is down lets its turn pass, so that its calls
// are spread over all others and do not double those of the one behind it.
func (p *roundRobinPicker) Pick(_ context.Context, _ *rpcx.Call, usable func(int) bool) int {
	start := 0
	for range p.n {
		start = int((p.next.Add(1) - 1) % p.n)
		if usable(start) {
			return start
		}
	}
	return from(start, int(p.n), usable) // others took the turns of those that are up
}
