// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"fmt"
	"math"
	"net/url"
	"testing"

	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// zones returns servers in these zones.
func zones(names ...string) []registry.Instance {
	set := servers(len(names))
	for i, name := range names {
		set[i].Meta = url.Values{"zone": {name}}
	}
	return set
}

func TestZoneAware(t *testing.T) {
	t.Parallel()
	ten := zones("a", "b", "a", "b", "a", "b", "a", "b", "a", "b")
	tests := []struct {
		name   string
		policy balance.ZoneAware
		up     func(int) bool
		near   float64 // share of calls that stay in zone a
	}{
		{"all up", balance.ZoneAware{Zone: "a"}, all, 1},
		{"one of five down", balance.ZoneAware{Zone: "a"}, func(i int) bool { return i != 0 }, 1 - .2*.2},
		{"three of five down", balance.ZoneAware{Zone: "a"}, func(i int) bool { return i != 0 && i != 2 && i != 4 }, 1 - .6*.6},
		{"zone down", balance.ZoneAware{Zone: "a"}, func(i int) bool { return i%2 == 1 }, 0},
		{"others down", balance.ZoneAware{Zone: "a"}, func(i int) bool { return i%2 == 0 }, 1},
		{"all but one down", balance.ZoneAware{Zone: "a"}, among(8), 1},
		{"no zone", balance.ZoneAware{}, all, .5},
		{"a zone without servers", balance.ZoneAware{Zone: "c"}, all, .5},
		{"key without values", balance.ZoneAware{Zone: "a", Key: "region"}, all, .5},
		{"random", balance.ZoneAware{Zone: "a", Then: balance.Random{}}, all, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const n = 20_000
			counts := draw(tt.policy.NewPicker(ten, nil), 10, n, tt.up)
			near := 0
			for i := 0; i < 10; i += 2 {
				near += counts[i]
			}
			slack := 6 * math.Sqrt(n*tt.near*(1-tt.near))
			if counts[10] != 0 || math.Abs(float64(near)-n*tt.near) > slack {
				t.Errorf("picked %v: %d of %d in the zone, want %.0f", counts, near, n, n*tt.near)
			}
			for i, c := range counts[:10] { // nobody gets more than twice what they would
				if even := n / 5; float64(c) > 2.1*float64(even) && tt.name != "all but one down" {
					t.Errorf("server %d got %d of %d", i, c, n)
				}
			}
		})
	}
}

// Within the zone the inner policy is what it is without: exact, though servers of
// other zones stand in between.
func TestZoneAwareKeepsThePolicy(t *testing.T) {
	t.Parallel()
	p := balance.ZoneAware{Zone: "a"}.NewPicker(zones("a", "b", "b", "b", "a", "a"), nil)
	if got, want := draw(p, 6, 300, all), []int{100, 0, 0, 0, 100, 100, 0}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("picked %v, want %v", got, want)
	}
}

// What goes on is told to the policy within, in its own numbers.
func TestZoneAwareTellsThePolicyWithin(t *testing.T) {
	t.Parallel()
	set := zones("b", "a", "b", "a")
	p := balance.ZoneAware{Zone: "a", Then: balance.LeastPending{}}.NewPicker(set, nil)
	begin(p, 1)
	begin(p, 0)
	if i := pick(p, all); i != 3 {
		t.Errorf("picked %d, want the idle one of the zone", i)
	}
	if i := pick(p, among(0, 2)); i != 2 {
		t.Errorf("picked %d, want the idle one of the other zone", i)
	}
	p = balance.ZoneAware{Zone: "a", Then: balance.LeastPending{}}.NewPicker(set, p)
	if i := pick(p, all); i != 3 {
		t.Errorf("picked %d in a new set, want the idle one of the zone", i)
	}
	end(p, 1, balance.Outcome{})
	begin(p, 3)
	if i := pick(p, all); i != 1 {
		t.Errorf("picked %d, want the one that is idle now", i)
	}
}
