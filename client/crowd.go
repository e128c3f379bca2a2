// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/rpcx-go/rpcx/internal/breaker"
)

const (
	// crowd is how many calls must wait on a server before that says anything.
	crowd = 64
	// crowding is how many times as many calls must wait on it as on another one.
	crowding = 8
)

// relieve returns another server for n, if many more calls wait on n than on that one.
// A server that stops answering, or becomes slow, is known by that at once, long before
// calls fail there. It is for clients that give all servers the same part of the calls:
// where the policy means them to differ, n stays. p is the permit for n.
func (a *attempts) relieve(ctx context.Context, s *snapshot, n *node, p permit) (*node, permit) {
	if !a.client.even || len(s.nodes) == 1 {
		return n, p
	}
	waiting := n.waiting()
	if waiting < crowd || p.breaker != nil && p.breaker.State() != breaker.Closed { // a probe must be made
		return n, p
	}
	call, luck := a.out.picked(), rand.Float64()
	idler := func(i int) bool {
		o := s.nodes[i]
		return o.waiting()*crowding <= waiting && o.connected() && o.open(call, luck) && !slices.Contains(a.tried, o)
	}
	i := s.picker.Pick(ctx, call, idler)
	if i < 0 {
		return n, p
	}
	q, allowed := s.nodes[i].breakers.permit(call)
	if !allowed {
		return n, p
	}
	return s.nodes[i], q
}

// waiting returns how many calls wait for the server's replies.
func (n *node) waiting() int {
	waiting := 0
	for _, l := range n.lanes {
		if c := l.conn.Load(); c != nil {
			waiting += c.Pending()
		}
	}
	return waiting
}

// connected reports whether a call can be sent without a dial.
func (n *node) connected() bool {
	return slices.ContainsFunc(n.lanes, func(l *lane) bool { return l.ready() != nil })
}
