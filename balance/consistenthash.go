// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"cmp"
	"context"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// ConsistentHash chooses the same server for the same key, in every process and every
// language; when a server comes or goes, few other keys move. The key is the one of
// [WithKey], or else service, method and arguments. Servers share the keys by their
// [Weight]. The guide's page on load balancing says exactly how, for other languages.
//
// A server that already has more than its share of this client's calls to answer is
// passed over, so that a popular key does not overload it.
type ConsistentHash struct {
	// Bound is how many calls a server may have to answer, as a multiple of its share of
	// all calls that are under way; 16 it may have in any case. Default 1.25; infinity
	// (math.Inf(1)): any number.
	Bound float64
}

type keyOf struct{}

// WithKey returns a context whose calls go where others with the same key go, under a
// policy of consistent hashing: that of a user or a session, for instance.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOf{}, key)
}

const (
	pointsEach  = 128 // on the ring, for a server of average weight
	pendingEach = 16  // under any bound
)

// NewPicker implements Policy.
func (c ConsistentHash) NewPicker(set []registry.Instance, last Picker) Picker {
	p := &hashPicker{bound: c.Bound, weights: make([]uint64, len(set))}
	if !(p.bound > 0) { // NaN is not either
		p.bound = 1.25
	}
	for i, in := range set {
		p.weights[i] = uint64(Weight(in))
		p.sum += p.weights[i]
	}
	l, _ := last.(*hashPicker)
	if l == nil {
		l = new(hashPicker)
	}
	p.pending, p.byKey = carry(set, l.byKey)
	p.lay(set)
	return p
}

type hashPicker struct {
	bound   float64
	weights []uint64
	sum     uint64 // of the weights
	pending []*atomic.Int64
	byKey   map[string]*atomic.Int64
	ring    []uint64 // points, in order
	server  []int32  // of each point
}

// lay puts every server on the ring: at the hashes of its key, "#" and 0, 1, 2, ...
func (p *hashPicker) lay(set []registry.Instance) {
	type point struct {
		at     uint64
		server int32
	}
	points := make([]point, 0, len(set)*(pointsEach+1))
	for i, in := range set {
		stem := newHash.text(in.Key()).byte('#')
		for k := range p.points(i) {
			points = append(points, point{stem.text(strconv.FormatUint(k, 10)).sum(), int32(i)})
		}
	}
	slices.SortFunc(points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(set[a.server].Key(), set[b.server].Key()))
	})
	p.ring, p.server = make([]uint64, len(points)), make([]int32, len(points))
	for i, pt := range points {
		p.ring[i], p.server[i] = pt.at, pt.server
	}
}

// points is how many points a server has: 128 times its weight by the average one,
// rounded down, but at least one; none without a weight.
func (p *hashPicker) points(i int) uint64 {
	if p.weights[i] == 0 {
		return 0
	}
	high, low := bits.Mul64(p.weights[i], pointsEach*uint64(len(p.weights)))
	n, _ := bits.Div64(high, low, p.sum)
	return max(n, 1)
}

// Pick goes round the ring, from the key's place to the first server that is usable and
// has room, or else to the first one that is usable.
func (p *hashPicker) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	if len(p.ring) == 0 {
		return -1
	}
	start, _ := slices.BinarySearch(p.ring, spot(ctx, call))
	full := -1
	for i := range p.ring {
		at := start + i
		if at >= len(p.ring) {
			at -= len(p.ring)
		}
		switch s := int(p.server[at]); {
		case i == len(p.weights) && from(0, len(p.weights), usable) < 0:
			return -1 // without going all the way
		case !usable(s):
		case p.hasRoom(s):
			return s
		case full < 0:
			full = s
		}
	}
	return full
}

// spot is where a call stands on the ring.
func spot(ctx context.Context, call *rpcx.Call) uint64 {
	if key, ok := ctx.Value(keyOf{}).(string); ok {
		return hashOf(key)
	}
	if call == nil {
		return newHash.sum()
	}
	h := newHash.byte('/').text(call.Service).byte('/').text(call.Method).byte('/')
	return h.value(call.Args).sum()
}

// hasRoom reports whether a server may take one more call. The sum of all calls is only
// made for a server that has many.
func (p *hashPicker) hasRoom(i int) bool {
	pending := p.pending[i].Load()
	if pending < pendingEach || math.IsInf(p.bound, 1) {
		return true
	}
	all := int64(1)
	for _, n := range p.pending {
		all += n.Load()
	}
	share := float64(all) * float64(p.weights[i]) / float64(p.sum)
	return float64(pending) < math.Ceil(p.bound*share)
}

// Begin implements Tracker.
func (p *hashPicker) Begin(i int) { p.pending[i].Add(1) }

// End implements Tracker.
func (p *hashPicker) End(i int, _ Outcome) { p.pending[i].Add(-1) }
