// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"context"
	"errors"
	"math/bits"
	"math/rand/v2"
	"strconv"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// WeightedRoundRobin chooses the usable servers in turn, those with a greater [Weight]
// more often: in every W rounds, where W is the greatest weight, a server of weight w
// gets exactly w calls, spread as evenly as they can be. Memory and time do not depend
// on how large the weights are. With weights of 0 alone no server is chosen.
type WeightedRoundRobin struct{}

// Weight is the weight that a server has in its metadata under "weight", 1 if there is
// none or it is not a number. One below 0 is 0, and one beyond 2147483647 is that.
func Weight(in registry.Instance) int {
	w, err := strconv.ParseInt(in.Meta.Get("weight"), 10, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // out of range, w is the nearest
		return 1
	}
	return int(max(w, 0))
}

// NewPicker implements Policy.
func (WeightedRoundRobin) NewPicker(set []registry.Instance, last Picker) Picker {
	weights := make([]int, len(set))
	for i, in := range set {
		weights[i] = Weight(in)
	}
	l, _ := last.(*weightedPicker)
	return newWeightedPicker(weights, l)
}

// weightedPicker goes round the servers. A server of weight w takes part in w of W
// rounds: in those in which round*w/W, rounded down, goes up by one. So one counter is
// all that changes from call to call.
type weightedPicker struct {
	weights  []uint64
	greatest uint64
	turn     atomic.Uint64
}

func newWeightedPicker(weights []int, last *weightedPicker) *weightedPicker {
	p := &weightedPicker{weights: make([]uint64, len(weights))}
	for i, w := range weights {
		p.weights[i] = uint64(w)
		p.greatest = max(p.greatest, p.weights[i])
	}
	if last != nil {
		p.turn.Store(last.turn.Load())
	} else {
		p.turn.Store(uint64(rand.Uint32())) // clients that start together do not move in step
	}
	return p
}

// Pick takes the next server that takes part in its round and is usable.
func (p *weightedPicker) Pick(_ context.Context, _ *rpcx.Call, usable func(int) bool) int {
	if p.greatest == 0 {
		return -1
	}
	n := uint64(len(p.weights))
	for range 2 * n { // the heaviest takes part in every round
		turn := p.turn.Add(1) - 1
		if i := int(turn % n); p.takesPart(i, turn/n) && usable(i) {
			return i
		}
	}
	return p.draw(usable)
}

func (p *weightedPicker) takesPart(i int, round uint64) bool {
	w := p.weights[i]
	high, low := bits.Mul64(w, round)
	// Not all begin with the same round.
	low, carry := bits.Add64(low, uint64(i)*p.greatest/uint64(len(p.weights)), 0)
	return bits.Rem64(high+carry, low, p.greatest) >= p.greatest-w
}

// draw is for when the heaviest servers are down and rounds would pass in which nobody
// takes part: it chooses by chance, with the weights as odds.
func (p *weightedPicker) draw(usable func(int) bool) int {
	picked, sum := -1, uint64(0)
	for i, w := range p.weights {
		if w == 0 || !usable(i) {
			continue
		}
		sum += w // of less than 2^31 each
		if rand.Uint64N(sum) < w {
			picked = i
		}
	}
	return picked
}
