// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// Closest chooses the server that is geographically nearest, by the "latitude" and
// "longitude" in its metadata, in degrees. While that is down it chooses the next
// nearest. Servers at one place share the calls; those without a place come last.
type Closest struct {
	// From is where the client is. Nil, or not set yet: all servers are equally far.
	From *Position
}

// Position is a place that may change while it is in use. The zero value is not set.
type Position struct{ at atomic.Pointer[place] }

// Set moves the position. It fails where latitude is not within 90 degrees, or
// longitude not within 180; the position then stays as it is.
func (p *Position) Set(latitude, longitude float64) error {
	to, ok := newPlace(latitude, longitude)
	if !ok {
		return fmt.Errorf("balance: latitude %v, longitude %v is not a place", latitude, longitude)
	}
	p.at.Store(to)
	return nil
}

// place is a point on the globe, in radians.
type place struct{ latitude, longitude float64 }

func newPlace(latitude, longitude float64) (*place, bool) {
	ok := math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180 // NaN is not
	return &place{latitude * math.Pi / 180, longitude * math.Pi / 180}, ok
}

func placeOf(in registry.Instance) (*place, bool) {
	latitude, err1 := strconv.ParseFloat(in.Meta.Get("latitude"), 64)
	longitude, err2 := strconv.ParseFloat(in.Meta.Get("longitude"), 64)
	p, ok := newPlace(latitude, longitude)
	return p, ok && err1 == nil && err2 == nil
}

// distance is that along the surface, in meters, by the haversine formula.
func (p *place) distance(q *place) float64 {
	square := func(x float64) float64 { return x * x }
	h := square(math.Sin((q.latitude-p.latitude)/2)) +
		math.Cos(p.latitude)*math.Cos(q.latitude)*square(math.Sin((q.longitude-p.longitude)/2))
	return 2 * 6378100 * math.Asin(math.Sqrt(min(h, 1)))
}

// NewPicker implements Policy.
func (c Closest) NewPicker(set []registry.Instance, _ Picker) Picker {
	p := &closestPicker{from: c.From, set: set}
	if p.from == nil {
		p.from = new(Position)
	}
	p.rings.Store(p.sort(p.from.at.Load()))
	return p
}

type closestPicker struct {
	from  *Position
	set   []registry.Instance
	rings atomic.Pointer[rings]
}

// rings is the servers in groups of the same distance, the nearest first.
type rings struct {
	from   *place // nil: nowhere
	groups [][]int
}

// Pick implements Picker. It allocates only after the client has moved.
func (p *closestPicker) Pick(_ context.Context, _ *rpcx.Call, usable func(int) bool) int {
	r := p.rings.Load()
	if from := p.from.at.Load(); from != r.from {
		r = p.sort(from)
		p.rings.Store(r)
	}
	for _, group := range r.groups {
		start := rand.IntN(len(group))
		for i := range group {
			if at := group[(start+i)%len(group)]; usable(at) {
				return at
			}
		}
	}
	return -1
}

func (p *closestPicker) sort(from *place) *rings {
	order, meters := make([]int, len(p.set)), make([]float64, len(p.set))
	for i, in := range p.set {
		order[i] = i
		if at, ok := placeOf(in); from != nil && ok {
			meters[i] = from.distance(at)
		} else {
			meters[i] = math.Inf(1)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(meters[a], meters[b]) })
	r := &rings{from: from}
	for begin, end := 0, 0; begin < len(order); begin = end {
		for end = begin + 1; end < len(order) && meters[order[begin]] == meters[order[end]]; end++ {
		}
		r.groups = append(r.groups, order[begin:end])
	}
	return r
}
