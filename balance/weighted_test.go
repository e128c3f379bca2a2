// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"fmt"
	"math"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// weighted returns servers of these weights.
func weighted(weights ...string) []registry.Instance {
	set := servers(len(weights))
	for i, w := range weights {
		set[i].Meta = url.Values{"weight": {w}}
	}
	return set
}

func TestWeight(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"1": 1, "0": 0, "7": 7, "+7": 7, "1000000": 1_000_000, "2147483647": math.MaxInt32,
		"": 1, "x": 1, "1.5": 1, " 3": 1, "0x10": 1, "NaN": 1,
		"-1": 0, "-99999999999999999999": 0, "2147483648": math.MaxInt32, "99999999999999999999": math.MaxInt32,
	} {
		if got := balance.Weight(weighted(text)[0]); got != want {
			t.Errorf("Weight(%q) = %d, want %d", text, got, want)
		}
	}
	if got := balance.Weight(registry.Instance{}); got != 1 {
		t.Errorf("without metadata the weight is %d, want 1", got)
	}
}

// In as many picks as all weights together, each server is picked as often as its
// weight says, from wherever one begins to count.
func TestWeightedRoundRobinIsExact(t *testing.T) {
	t.Parallel()
	for _, weights := range [][]int{
		{1}, {5}, {5, 1}, {5, 1, 1}, {1, 1, 5}, {4, 3, 2}, {1, 1, 1, 1}, {0, 3, 0, 2}, {7, 0}, {100, 99, 1}, {13, 17, 19, 23}, {1000, 1},
	} {
		t.Run(fmt.Sprint(weights), func(t *testing.T) {
			t.Parallel()
			var texts []string
			sum := 0
			for _, w := range weights {
				texts = append(texts, strconv.Itoa(w))
				sum += w
			}
			p := balance.WeightedRoundRobin{}.NewPicker(weighted(texts...), nil)
			for range 3 {
				counts := draw(p, len(weights), sum, all)
				if counts = counts[:len(weights)]; !slices.Equal(counts, weights) {
					t.Errorf("picked %v, want %v", counts, weights)
				}
				draw(p, len(weights), 1, all) // begin elsewhere
			}
		})
	}
}

// Smooth is: the calls of a server do not come in a row. From one to the next there are
// never more than twice as many others as there would be on average, and one round.
func TestWeightedRoundRobinIsSmooth(t *testing.T) {
	t.Parallel()
	weights := []int{8, 5, 3, 1}
	p := balance.WeightedRoundRobin{}.NewPicker(weighted("8", "5", "3", "1"), nil)
	last := make([]int, len(weights))
	for n := range 17 * 100 {
		i := pick(p, all)
		if gap, most := n-last[i], 2*17/weights[i]+len(weights); last[i] > 0 && gap > most {
			t.Fatalf("server %d of weight %d came after %d picks, want at most %d", i, weights[i], gap, most)
		}
		last[i] = n
	}
	row, longest, before := 0, 0, -1
	for range 700 {
		i := pick(p, all)
		if row++; i != before {
			row, before = 1, i
		}
		longest = max(longest, row)
	}
	if longest > 3 { // 8 of 17 is not even every second one
		t.Errorf("%d calls in a row went to one server", longest)
	}
}

// Light servers do not all come in the same round.
func TestWeightedRoundRobinSpreadsTheLight(t *testing.T) {
	t.Parallel()
	p := balance.WeightedRoundRobin{}.NewPicker(weighted("4", "1", "1", "1", "1"), nil)
	light := 0
	for range 80 {
		if light++; pick(p, all) == 0 {
			light = 0
		}
		if light > 2 {
			t.Fatal("three light ones in a row, every second should be the heavy one")
		}
	}
}

// When servers are down the others keep their proportions.
func TestWeightedRoundRobinPassesOver(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		weights []string
		up      []int
		want    []float64 // shares
	}{
		{"a light one", []string{"5", "1", "4"}, []int{0, 2}, []float64{5. / 9, 0, 4. / 9}},
		{"the heaviest", []string{"5", "1", "3"}, []int{1, 2}, []float64{0, .25, .75}},
		{"by far the heaviest", []string{"1000000000", "1", "3"}, []int{1, 2}, []float64{0, .25, .75}},
		{"all that have weight", []string{"5", "0", "0"}, []int{1, 2}, []float64{0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const n = 20_000
			counts := draw(balance.WeightedRoundRobin{}.NewPicker(weighted(tt.weights...), nil), len(tt.weights), n, among(tt.up...))
			for i, share := range tt.want {
				// Six standard deviations, for those that are drawn by chance.
				if slack := 6 * math.Sqrt(n*share*(1-share)); math.Abs(float64(counts[i])-share*n) > slack+1 {
					t.Errorf("picked %v, want shares of %v", counts, tt.want)
				}
			}
		})
	}
}

// A weight of a million costs what a weight of one does.
func TestWeightedRoundRobinLargeWeights(t *testing.T) { //nolint:paralleltest // measures memory
	const n = 30_000
	var before, after runtime.MemStats
	set := weighted("2147483647", "1073741823", "1")
	runtime.ReadMemStats(&before)
	p := balance.WeightedRoundRobin{}.NewPicker(set, nil)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 10_000 {
		t.Errorf("a picker takes %d bytes", got)
	}
	counts := draw(p, 3, n, all)
	if d := counts[0] - 2*counts[1]; d < -3 || d > 3 || counts[2] > 1 {
		t.Errorf("picked %v, want 2 to 1", counts)
	}
}

// What an updated list does not change goes on where it was: the exact counts hold over
// many updates.
func TestWeightedRoundRobinGoesOn(t *testing.T) {
	t.Parallel()
	var last balance.Picker
	counts := make([]int, 3)
	for range 7 * 10 {
		last = balance.WeightedRoundRobin{}.NewPicker(weighted("4", "2", "1"), last)
		counts[pick(last, all)]++
	}
	if want := []int{40, 20, 10}; !slices.Equal(counts, want) {
		t.Errorf("picked %v, want %v", counts, want)
	}
	first := balance.RoundRobin{}.NewPicker(servers(3), nil)
	one := pick(first, all)
	if two := pick(balance.RoundRobin{}.NewPicker(servers(3), first), all); two != (one+1)%3 {
		t.Errorf("a round robin went on with %d after %d", two, one)
	}
}

func TestWeightedRoundRobinConcurrentlyIsExact(t *testing.T) {
	t.Parallel()
	const callers = 10
	p := balance.WeightedRoundRobin{}.NewPicker(weighted("5", "3", "2"), nil)
	total := make([]int, 3)
	var mu sync.Mutex
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			counts := draw(p, 3, 1000, all)
			mu.Lock()
			defer mu.Unlock()
			for i := range total {
				total[i] += counts[i]
			}
		})
	}
	group.Wait()
	if want := []int{5000, 3000, 2000}; !slices.Equal(total, want) {
		t.Errorf("picked %v, want %v", total, want)
	}
}
