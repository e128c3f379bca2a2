// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"math"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/balance/balancetest"
)

// policies returns every policy as it is without settings, and what else is worth the
// suite.
func policies() map[string]balance.Policy {
	somewhere := new(balance.Position)
	_ = somewhere.Set(48.9, 2.4)
	return map[string]balance.Policy{
		"Random":             balance.Random{},
		"RoundRobin":         balance.RoundRobin{},
		"WeightedRoundRobin": balance.WeightedRoundRobin{},
		"WeightedICMP":       balance.WeightedICMP{},
		"ConsistentHash":     balance.ConsistentHash{},
		"Closest":            balance.Closest{},
		"P2C":                balance.P2C{},
		"LeastPending":       balance.LeastPending{},
		"ZoneAware":          balance.ZoneAware{},
		"SlowStart":          balance.SlowStart{},
		"Subset":             balance.Subset{},
		"Sticky":             balance.Sticky{},

		"WeightedICMP often":     balance.WeightedICMP{Interval: time.Microsecond},
		"WeightedICMP senseless": balance.WeightedICMP{Interval: -1},
		"ConsistentHash tight":   balance.ConsistentHash{Bound: 0.001},
		"ConsistentHash free":    balance.ConsistentHash{Bound: math.Inf(1)},
		"ConsistentHash NaN":     balance.ConsistentHash{Bound: math.NaN()},
		"Closest somewhere":      balance.Closest{From: somewhere},
		"P2C hasty":              balance.P2C{Decay: 1},
		"P2C senseless":          balance.P2C{Decay: -1},
		"ZoneAware elsewhere":    balance.ZoneAware{Zone: "a"},
		"SlowStart forever":      balance.SlowStart{Window: math.MaxInt64},
		"SlowStart senseless":    balance.SlowStart{Window: -1},
		"Subset of one":          balance.Subset{Size: 1, Client: 3},
		"Subset senseless":       balance.Subset{Size: -1, Client: -1},
		"all around": balance.Sticky{Then: balance.ZoneAware{Zone: "a", Then: balance.Subset{
			Size: 2, Then: balance.SlowStart{Then: balance.P2C{}},
		}}},
		"hash around measured": balance.SlowStart{Then: balance.ZoneAware{Then: balance.Sticky{Then: balance.WeightedICMP{}}}},
	}
}

//nolint:paralleltest // counts allocations
func TestPolicies(t *testing.T) {
	for name, p := range policies() {
		t.Run(name, func(t *testing.T) { balancetest.Run(t, p) })
	}
}

// What crashed a process of rpcx: servers whose weights are all 0, and the geographical
// policy before it is told where the client is.
func TestR14NoWeightAndNoPositionDoNotPanic(t *testing.T) {
	t.Parallel()
	idle := weighted("0", "0", "-3")
	for name, p := range policies() {
		picker := p.NewPicker(idle, nil)
		for range 10 {
			if i := pick(picker, all); i < -1 || i > 2 {
				t.Errorf("%s: picked %d", name, i)
			}
		}
		closing(t, picker)
	}
	if i := pick(balance.WeightedRoundRobin{}.NewPicker(idle, nil), all); i != -1 {
		t.Errorf("weights of 0: picked %d, want none", i)
	}
	for name, p := range map[string]balance.Closest{"no position": {}, "not set": {From: new(balance.Position)}} {
		counts := draw(p.NewPicker(cities("60,10", "48,2", ""), nil), 3, 3000, all)
		if x := chiSquare(counts[:3]); x > critical[2] || counts[3] != 0 {
			t.Errorf("%s: picked %v, want each alike", name, counts)
		}
	}
}
