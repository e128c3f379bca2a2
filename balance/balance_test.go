// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// servers returns a set of n servers.
func servers(n int) []registry.Instance {
	set := make([]registry.Instance, n)
	for i := range set {
		set[i] = registry.Instance{Network: "mem", Addr: fmt.Sprintf("server-%d", i)} // nothing measures the real network
	}
	return set
}

// all is usable for servers that are all up.
func all(int) bool { return true }

// among is usable for some servers.
func among(up ...int) func(int) bool {
	return func(i int) bool { return slices.Contains(up, i) }
}

// draw picks n times and returns how often each of size servers came. Index size
// counts answers that are no server.
func draw(p balance.Picker, size, n int, usable func(int) bool) []int {
	counts := make([]int, size+1)
	for range n {
		i := p.Pick(context.Background(), &rpcx.Call{Service: "S", Method: "M"}, usable)
		if i < 0 || i >= size {
			i = size
		}
		counts[i]++
	}
	return counts
}

// pick picks once, for a call that is like any other.
func pick(p balance.Picker, usable func(int) bool) int {
	return p.Pick(context.Background(), &rpcx.Call{Service: "S", Method: "M"}, usable)
}

// shut closes a picker that wants it.
func shut(p balance.Picker) error {
	if c, ok := p.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// closing does so when the test ends.
func closing(t *testing.T, p balance.Picker) {
	t.Helper()
	t.Cleanup(func() {
		if err := shut(p); err != nil {
			t.Error(err)
		}
	})
}

// begin and end make attempts known to a policy that learns.
func begin(p balance.Picker, i int) { p.(balance.Tracker).Begin(i) }

func end(p balance.Picker, i int, o balance.Outcome) { p.(balance.Tracker).End(i, o) }

// chiSquare is how far counts are from even.
func chiSquare(counts []int) float64 {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	want := float64(sum) / float64(len(counts))
	x := 0.0
	for _, n := range counts {
		d := float64(n) - want
		x += d * d / want
	}
	return x
}

// critical holds the values of chi-square, by degrees of freedom, that an even choice
// passes once in a million times.
var critical = map[int]float64{1: 23.9, 2: 27.6, 4: 33.4, 9: 45.1, 49: 115}

func TestRandomIsUniform(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		size   int
		usable func(int) bool
		up     []int
	}{
		{"2 of 2", 2, all, []int{0, 1}},
		{"10 of 10", 10, all, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"5 of 10", 10, among(0, 1, 2, 3, 9), []int{0, 1, 2, 3, 9}},
		{"2 of 10", 10, among(4, 5), []int{4, 5}},
		{"3 of 100", 100, among(0, 50, 99), []int{0, 50, 99}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const n = 10_000
			counts := draw(balance.Random{}.NewPicker(servers(tt.size), nil), tt.size, n, tt.usable)
			var up []int
			for _, i := range tt.up {
				up = append(up, counts[i])
				counts[i] = 0
			}
			for i, c := range counts {
				if c != 0 {
					t.Errorf("index %d was picked %d times, it is not usable", i, c)
				}
			}
			if x, limit := chiSquare(up), critical[len(up)-1]; x > limit {
				t.Errorf("picked %v of %d: chi-square is %.1f, want at most %.1f", up, n, x, limit)
			}
		})
	}
}

// The choice does not depend on the last one.
func TestRandomHasNoMemory(t *testing.T) {
	t.Parallel()
	p := balance.Random{}.NewPicker(servers(3), nil)
	var pairs [9]int
	last := 0
	for range 9 * 2000 {
		i := p.Pick(context.Background(), nil, all)
		pairs[3*last+i]++
		last = i
	}
	if x := chiSquare(pairs[:]); x > 45.1 {
		t.Errorf("pairs came %v: chi-square is %.1f", pairs, x)
	}
}

func TestRoundRobinIsEven(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 3, 7} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			p := balance.RoundRobin{}.NewPicker(servers(size), nil)
			first := p.Pick(context.Background(), nil, all)
			for n := 1; n < 10*size; n++ {
				if got, want := p.Pick(context.Background(), nil, all), (first+n)%size; got != want {
					t.Fatalf("pick %d is %d, want %d", n, got, want)
				}
			}
		})
	}
}

// Servers that are down are passed over; all others get their calls.
func TestRoundRobinPassesOver(t *testing.T) {
	t.Parallel()
	const n = 6000
	p := balance.RoundRobin{}.NewPicker(servers(6), nil)
	counts := draw(p, 6, n, among(1, 2, 5))
	want := []int{0, 2000, 2000, 0, 0, 2000, 0}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("picked %v, want %v", counts, want)
	}
	if counts = draw(p, 6, n, all); chiSquare(counts[:6]) != 0 {
		t.Errorf("picked %v after they came back", counts)
	}
}

// Clients that start together do not move in step.
func TestRoundRobinStartsAnywhere(t *testing.T) {
	t.Parallel()
	set := servers(5)
	counts := make([]int, 5)
	for range 10_000 {
		counts[balance.RoundRobin{}.NewPicker(set, nil).Pick(context.Background(), nil, all)]++
	}
	if x := chiSquare(counts); x > critical[4] {
		t.Errorf("started at %v: chi-square is %.1f", counts, x)
	}
}

// Pickers are used by many goroutines, while servers come and go.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	const (
		size, callers, n = 4, 8, 2000
	)
	for _, policy := range []balance.Policy{balance.Random{}, balance.RoundRobin{}, balance.P2C{}, balance.LeastPending{}} {
		t.Run(fmt.Sprintf("%T", policy), func(t *testing.T) {
			t.Parallel()
			p := policy.NewPicker(servers(size), nil)
			var total [size]int
			var mu sync.Mutex
			var group sync.WaitGroup
			for g := range callers {
				group.Go(func() {
					usable := all
					if g == 0 {
						usable = among(0, 1)
					}
					counts := draw(p, size, n, usable)
					if counts[size] != 0 || g == 0 && counts[2]+counts[3] != 0 {
						t.Errorf("caller %d got %v", g, counts)
					}
					if g == 0 {
						return // moved the others' turn
					}
					mu.Lock()
					defer mu.Unlock()
					for i := range total {
						total[i] += counts[i]
					}
				})
			}
			group.Wait()
			for _, c := range total {
				if even := (callers - 1) * n / size; c < even*8/10 || c > even*12/10 {
					t.Errorf("picked %v, want %d each, or nearly", total, even)
				}
			}
		})
	}
}

// Every pick in turn, with no lock: the counts of all goroutines together are even.
func TestRoundRobinConcurrentlyIsEven(t *testing.T) {
	t.Parallel()
	const size, callers, n = 5, 10, 1000
	p := balance.RoundRobin{}.NewPicker(servers(size), nil)
	var total [size]int
	var mu sync.Mutex
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			counts := draw(p, size, n, all)
			mu.Lock()
			defer mu.Unlock()
			for i := range total {
				total[i] += counts[i]
			}
		})
	}
	group.Wait()
	for _, c := range total {
		if c != callers*n/size {
			t.Errorf("picked %v, want %d each", total, callers*n/size)
		}
	}
}
