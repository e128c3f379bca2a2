// SPDX-License-Identifier: Apache-2.0

package balancetest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

//nolint:paralleltest // counts allocations
func TestGoodPolicyPasses(t *testing.T) {
	Run(t, balance.LeastPending{})
	Run(t, balance.WeightedICMP{})
}

// broken is a policy with one fault: pick replaces what a round robin does.
type broken struct {
	pick  func(n int, good int, usable func(int) bool) int
	begin func(i int)
	close func() error
}

func (b *broken) NewPicker(set []registry.Instance, _ balance.Picker) balance.Picker {
	return &brokenPicker{b, len(set), balance.RoundRobin{}.NewPicker(set, nil)}
}

type brokenPicker struct {
	*broken
	n    int
	good balance.Picker
}

func (p *brokenPicker) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	i := p.good.Pick(ctx, call, usable)
	if p.pick != nil {
		return p.pick(p.n, i, usable)
	}
	return i
}

func (p *brokenPicker) Begin(i int) {
	if p.begin != nil {
		p.begin(i)
	}
}

func (p *brokenPicker) End(int, balance.Outcome) {}

func (p *brokenPicker) Close() error {
	if p.close != nil {
		return p.close()
	}
	return nil
}

// Each fault is found by the checks that are there for it.
//
//nolint:paralleltest // counts allocations
func TestChecksFindFaults(t *testing.T) {
	var sink atomic.Pointer[[]byte]
	closed := errors.New("closed")
	tests := []struct {
		name    string
		policy  *broken
		foundBy []string
	}{
		{"none", &broken{}, nil},
		{
			"takes what is down",
			&broken{pick: func(n, _ int, _ func(int) bool) int { return n - 1 }},
			[]string{"chooses usable", "nobody", "the only one"},
		},
		{
			"never chooses",
			&broken{pick: func(int, int, func(int) bool) int { return -1 }},
			[]string{"chooses usable", "the only one", "other sets", "learns", "used when ended"},
		},
		{
			"beyond the set",
			&broken{pick: func(n, _ int, _ func(int) bool) int { return n }},
			[]string{"chooses usable", "any metadata"},
		},
		{
			"asks beyond the set",
			&broken{pick: func(n, good int, usable func(int) bool) int { usable(n); return good }},
			[]string{"chooses usable", "any metadata", "concurrent"},
		},
		{
			"below the set",
			&broken{pick: func(_, good int, _ func(int) bool) int { return min(good, -2) }},
			[]string{"nobody"},
		},
		{
			"asks again",
			&broken{pick: func(n, good int, usable func(int) bool) int {
				if n < 2 || usable(0) || usable(0) {
					return good
				}
				for i := range n {
					if usable(i) {
						return i
					}
				}
				return n - 1
			}},
			[]string{"up and down"},
		},
		{
			"allocates",
			&broken{begin: func(i int) { b := make([]byte, 10+i); sink.Store(&b) }},
			[]string{"allocates"},
		},
		{"fails to close", &broken{close: func() error { return closed }}, []string{"nobody", "used when ended"}},
	}
	for _, tt := range tests {
		for name, check := range checks() {
			if err := check(tt.policy); tt.foundBy == nil && err != nil {
				t.Errorf("%s: %s finds %v", tt.name, name, err)
			} else if slices.Contains(tt.foundBy, name) && err == nil {
				t.Errorf("%s: %s finds nothing", tt.name, name)
			}
		}
	}
}
