// SPDX-License-Identifier: Apache-2.0

// Package balance chooses the server of a call. A [Policy] makes a [Picker] for each
// set of servers that discovery reports. Each policy is a file that can be read alone:
//
//   - [Random] and [RoundRobin] treat all servers alike.
//   - [WeightedRoundRobin] goes by the weight in a server's metadata, [WeightedICMP] by
//     how far away the network says it is, [Closest] by how far away the map does.
//   - [P2C] and [LeastPending] learn from how calls go.
//   - [ConsistentHash] sends calls with the same key to the same server.
//   - [ZoneAware], [SlowStart], [Subset] and [Sticky] are rules around another policy,
//     and may be nested.
//
// The zero value of each is ready to use. Picking takes no lock that callers share and,
// unless a file says otherwise, allocates nothing. A policy of one's own is checked with
// the suite in balancetest.
package balance

import (
	"context"
	"io"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// Policy is a way to choose. It may make pickers for any number of services.
type Policy interface {
	// NewPicker returns a picker for a set of servers, which is not empty, has no
	// duplicates and does not change. last is the picker that the policy made for the
	// set before, nil for the first one: a policy that learns takes over from it what it
	// knows of the servers that are in both, by their Instance.Key. Calls may still be
	// using last.
	NewPicker(set []registry.Instance, last Picker) Picker
}

// Picker chooses among the servers of one set. Its methods are called concurrently,
// must not block and do no I/O. A picker that is an io.Closer is closed when no call
// will begin to use it any more; calls that have begun may go on for a while.
type Picker interface {
	// Pick returns the index in the set of the server that the call should go to.
	// usable reports whether a server may be chosen: it was not tried for this call
	// and is not known to be down. Its answers may change while Pick asks. It must not be
	// kept, nor may ctx and call. When no server is usable Pick returns -1.
	Pick(ctx context.Context, call *rpcx.Call, usable func(i int) bool) int
}

// Tracker is what a Picker implements to learn from how attempts go. Every Begin is
// followed by one End, also if the set has been replaced in the meantime.
type Tracker interface {
	Picker
	// Begin says that an attempt on server i of the set begins.
	Begin(i int)
	// End says how it ended.
	End(i int, o Outcome)
}

// Outcome is how an attempt ended.
type Outcome struct {
	// Latency is how long it took, the connection included if there was none yet. It is
	// zero for a one-way call, which waits for no answer.
	Latency time.Duration
	// Err is what came of it, nil for success.
	Err error
}

// Failed reports whether the outcome speaks against the server: it could not be
// reached, was too busy, or did not answer in time. What the service itself returned
// does not, nor does a caller that gave up.
func (o Outcome) Failed() bool {
	if o.Err == nil {
		return false
	}
	switch rpcx.CodeOf(o.Err) {
	case rpcx.Unavailable, rpcx.ResourceExhausted, rpcx.DeadlineExceeded:
		return true
	default:
		return false
	}
}

// from returns the first usable index at or after start, going round; -1 if there
// is none among n.
func from(start, n int, usable func(int) bool) int {
	for i := range n {
		at := start + i
		if at >= n {
			at -= n
		}
		if usable(at) {
			return at
		}
	}
	return -1
}

// carry returns what a policy knows of each server of a set: what it knew of it in the
// last set, or a new value.
func carry[T any](set []registry.Instance, last map[string]*T) (known []*T, byKey map[string]*T) {
	known, byKey = make([]*T, len(set)), make(map[string]*T, len(set))
	for i, in := range set {
		k := in.Key()
		if known[i] = last[k]; known[i] == nil {
			known[i] = new(T)
		}
		byKey[k] = known[i]
	}
	return known, byKey
}

// shut closes a picker that wants to be closed.
func shut(p Picker) error {
	if c, ok := p.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
