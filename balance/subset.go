// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// Subset makes a client use some of the servers only, so that a thousand clients of a
// thousand servers do not keep a million connections. Clients that are numbered load
// all servers evenly: the servers are shuffled, in the same way by as many clients as
// it takes to cover them all, and each of those takes the next ones. A server that
// comes or goes changes a subset by one or two servers. While all servers of its subset
// are down a client uses the others.
type Subset struct {
	Size   int    // how many servers; default 20
	Client int    // the client's number among those that there are, from 1; default: at random
	Then   Policy // chooses among them; default RoundRobin
}

// NewPicker implements Policy.
func (s Subset) NewPicker(set []registry.Instance, last Picker) Picker {
	then := s.Then
	if then == nil {
		then = RoundRobin{}
	}
	l, _ := last.(*subsetPicker)
	if l == nil {
		l = &subsetPicker{client: cmp.Or(max(s.Client, 0), 1+rand.IntN(1<<30))}
	}
	size := cmp.Or(max(s.Size, 0), 20)
	chosen := subset(set, size, l.client-1)
	in := func(i int) bool { return chosen[i] }
	return &subsetPicker{
		client: l.client,
		in:     newPart(then, set, l.in, in),
		out:    newPart(Random{}, set, l.out, func(i int) bool { return !in(i) }),
	}
}

// subset says which servers client, counted from 0, takes.
func subset(set []registry.Instance, size, client int) []bool {
	n := len(set)
	lots := (n + size - 1) / size // clients that share a shuffle
	shuffle := strconv.Itoa(client / lots)
	rank := make([]uint64, n)
	order := make([]int, n)
	for i, in := range set {
		order[i] = i
		rank[i] = hashOf(shuffle + "#" + in.Key())
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(set[a].Key(), set[b].Key()))
	})
	chosen := make([]bool, n)
	for i := range min(size, n) {
		chosen[order[(client%lots*size+i)%n]] = true // the last one begins again in front
	}
	return chosen
}

type subsetPicker struct {
	client  int
	in, out *part
}

// Pick implements Picker.
func (p *subsetPicker) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	if i := p.in.Pick(ctx, call, usable); i >= 0 {
		return i
	}
	return p.out.Pick(ctx, call, usable)
}

// Begin implements Tracker.
func (p *subsetPicker) Begin(i int) { p.in.Begin(i) }

// End implements Tracker.
func (p *subsetPicker) End(i int, o Outcome) { p.in.End(i, o) }

// Close implements io.Closer.
func (p *subsetPicker) Close() error { return errors.Join(p.in.Close(), p.out.Close()) }
