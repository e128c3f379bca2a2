// SPDX-License-Identifier: Apache-2.0

package rpcx_test

import (
	"context"
	"slices"
	"testing"

	"github.com/rpcx-go/rpcx"
)

// calls is an observer that is told of calls only.
type calls struct{}

func (calls) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }
func (calls) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult)       {}

// events is one that is told of events too.
type events struct {
	calls
	got []rpcx.EventKind
}

func (e *events) ClientEvent(ev *rpcx.Event) { e.got = append(e.got, ev.Kind) }

func TestMultiObserverPassesEventsOn(t *testing.T) {
	t.Parallel()
	var a, b events
	o, ok := rpcx.MultiObserver(&a, calls{}, nil, &b).(rpcx.EventObserver)
	if !ok {
		t.Fatal("several observers together are told of no events")
	}
	o.ClientEvent(&rpcx.Event{Kind: rpcx.CallRetried})
	o.ClientEvent(&rpcx.Event{Kind: rpcx.ServerEjected})
	want := []rpcx.EventKind{rpcx.CallRetried, rpcx.ServerEjected}
	if !slices.Equal(a.got, want) || !slices.Equal(b.got, want) {
		t.Errorf("they were told %v and %v", a.got, b.got)
	}
}

func TestEventsHaveNames(t *testing.T) {
	t.Parallel()
	want := map[rpcx.EventKind]string{
		rpcx.CallRetried: "call retried", rpcx.CallHedged: "call hedged", rpcx.RetryDenied: "retry budget exhausted",
		rpcx.BreakerOpened: "circuit breaker opened", rpcx.BreakerClosed: "circuit breaker closed",
		rpcx.ServerEjected: "server ejected", rpcx.ServerReturned: "server returned", 99: "event 99",
	}
	for kind, name := range want {
		if got := kind.String(); got != name {
			t.Errorf("event %d is called %q, want %q", kind, got, name)
		}
	}
}
