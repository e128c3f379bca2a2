// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/balance"
)

// A server that appears later gets a tenth of its share, and more with time.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]balance.Policy{"default": nil, "random": balance.Random{}, "weighted": balance.WeightedRoundRobin{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const n = 20_000
				policy := balance.SlowStart{Window: time.Minute, Then: then}
				first := policy.NewPicker(servers(3), nil)
				if x := chiSquare(draw(first, 3, n, all)[:3]); x > critical[2] {
					t.Errorf("servers from the beginning are not alike: chi-square is %.1f", x)
				}
				p := policy.NewPicker(servers(4), first)
				for _, tt := range []struct {
					age   time.Duration
					share float64 // of what the others get
				}{{0, .1}, {30 * time.Second, .55}, {54 * time.Second, .91}, {time.Minute, 1}, {time.Hour, 1}} {
					start := time.Now()
					counts := draw(p, 4, n, all)
					want := n * tt.share / (3 + tt.share)
					if slack := 6 * math.Sqrt(want); math.Abs(float64(counts[3])-want) > slack {
						t.Errorf("after %v picked %v, want %.0f for the last", tt.age, counts, want)
					}
					if time.Since(start) != 0 {
						t.Fatal("picking takes time")
					}
					next := map[time.Duration]time.Duration{0: 30 * time.Second, 30 * time.Second: 24 * time.Second, 54 * time.Second: 6 * time.Second, time.Minute: 59 * time.Minute}
					time.Sleep(next[tt.age])
					p = policy.NewPicker(servers(4), p) // a new list does not begin anew
				}
			})
		})
	}
}

// New servers alone do all the work, and one that comes back is new.
func TestSlowStartAtTheEdges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		set := servers(3)
		policy := balance.SlowStart{}
		first := policy.NewPicker(set[:1], nil)
		both := policy.NewPicker(set[1:], first)
		if counts := draw(both, 2, 1000, all); counts[2] != 0 || counts[0] < 400 || counts[1] < 400 {
			t.Errorf("two new servers got %v", counts)
		}
		grown := policy.NewPicker(set, both)
		if counts := draw(grown, 3, 1000, among(0)); counts[0] != 1000 {
			t.Errorf("picked %v, only the new one is usable", counts)
		}
		time.Sleep(time.Hour)
		gone := policy.NewPicker(set[:2], grown)
		back := policy.NewPicker(set, gone)
		if counts := draw(back, 3, 3000, all); counts[2] > 300 {
			t.Errorf("picked %v, the last has just come back", counts)
		}
	})
}

func TestSlowStartTellsThePolicyWithin(t *testing.T) {
	t.Parallel()
	p := balance.SlowStart{Then: balance.LeastPending{}}.NewPicker(servers(2), nil)
	begin(p, 0)
	for range 10 {
		if i := pick(p, all); i != 1 {
			t.Fatalf("picked %d, want the idle one", i)
		}
	}
	end(p, 0, balance.Outcome{})
	begin(p, 1)
	if i := pick(p, all); i != 0 {
		t.Errorf("picked %d, want the idle one", i)
	}
}
