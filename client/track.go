// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
)

// tracked is on for a policy that learns.
func (a *attempts) tracked(ctx context.Context, n *node, tracker balance.Tracker, i int) error {
	outcome := balance.Outcome{}
	began := time.Now()
	tracker.Begin(i)
	defer func() { tracker.End(i, outcome) }() // also if an interceptor panics
	outcome.Err = a.on(ctx, n)
	if !a.out.call.Oneway {
		outcome.Latency = time.Since(began)
	}
	return outcome.Err
}

// tracker returns the picker and the node's index in its set, or nil if the picker does
// not learn or has not heard of the node.
func (t *target) tracker(n *node) (balance.Tracker, int) {
	s := t.snapshot.Load()
	if s == nil || s.tracker == nil {
		return nil, 0
	}
	i, ok := s.index[n]
	if !ok {
		return nil, 0
	}
	return s.tracker, i
}

// picked is the call as policies see it. The arguments of a frame are its payload, which
// is what a consistent hash goes by.
func (o *outgoing) picked() *rpcx.Call {
	if o.raw == nil {
		return &o.call
	}
	call := o.call
	call.Args = o.raw.Payload
	return &call
}
