// SPDX-License-Identifier: Apache-2.0

// Package balancetest is the suite that every [balance.Policy] passes. An
// implementation runs it with the settings that it is to be used with:
//
//	func TestPolicy(t *testing.T) {
//		balancetest.Run(t, mypolicy.Policy{})
//	}
//
// The suite checks what the interfaces promise: a server that is not usable is never
// chosen, and one that alone is usable always; indexes are within the set; no metadata
// makes the policy panic; sets may grow, shrink and change while calls are under way;
// everything may run concurrently (run it under the race detector); and picking
// allocates nothing.
package balancetest

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// Run runs the suite. It counts allocations, and so t must not be parallel.
func Run(t *testing.T, p balance.Policy) {
	t.Helper()
	for name, check := range checks() {
		t.Run(name, func(t *testing.T) {
			if err := check(p); err != nil {
				t.Error(err)
			}
		})
	}
}

// Servers returns a set of n servers without metadata.
func Servers(n int) []registry.Instance {
	set := make([]registry.Instance, n)
	for i := range set {
		set[i] = registry.Instance{Network: "mem", Addr: fmt.Sprintf("server-%d", i)}
	}
	return set
}

// with returns a set of servers with the metadata that the queries say.
func with(queries ...string) []registry.Instance {
	set := Servers(len(queries))
	for i, q := range queries {
		set[i].Meta, _ = url.ParseQuery(q)
	}
	return set
}

// trial is a picker under test, with its set.
type trial struct {
	set []registry.Instance
	balance.Picker
}

func start(p balance.Policy, set []registry.Instance) *trial {
	return &trial{set, p.NewPicker(set, nil)}
}

// replace goes on with another set, as a client does.
func (t *trial) replace(p balance.Policy, set []registry.Instance) (*trial, error) {
	next := &trial{set, p.NewPicker(set, t.Picker)}
	return next, t.close()
}

func (t *trial) close() error {
	if c, ok := t.Picker.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// pick picks once, and says what is wrong with the choice.
func (t *trial) pick(up func(int) bool) (int, error) {
	asked := -1
	usable := func(i int) bool {
		if i < 0 || i >= len(t.set) {
			asked = i
			return false
		}
		return up(i)
	}
	i := t.Pick(context.Background(), &rpcx.Call{Service: "S", Method: "M", Args: "x"}, usable)
	switch {
	case asked != -1:
		return i, fmt.Errorf("asked whether %d of %d servers is usable", asked, len(t.set))
	case i < -1 || i >= len(t.set):
		return i, fmt.Errorf("picked %d of %d servers", i, len(t.set))
	case i >= 0 && !up(i):
		return i, fmt.Errorf("picked %d of %d servers, which is not usable", i, len(t.set))
	default:
		return i, nil
	}
}

// attempt makes an attempt known to a policy that learns, and returns its end.
func (t *trial) attempt(i int) (end func(balance.Outcome)) {
	tracker, ok := t.Picker.(balance.Tracker)
	if !ok || i < 0 {
		return func(balance.Outcome) {}
	}
	tracker.Begin(i)
	return func(o balance.Outcome) { tracker.End(i, o) }
}
