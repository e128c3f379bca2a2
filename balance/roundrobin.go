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
func (RoundRobin) NewPicker(set []registry.Instance) Picker {
	p := &roundRobinPicker{n: uint64(len(set))}
	p.next.Store(rand.Uint64N(p.n))
	return p
}

type roundRobinPicker struct {
	n    uint64
	next atomic.Uint64
}

// Pick takes the next server, or the first usable one after it.
func (p *roundRobinPicker) Pick(_ context.Context, _ *rpcx.Call, usable func(int) bool) int {
	return from(int((p.next.Add(1)-1)%p.n), int(p.n), usable)
}
