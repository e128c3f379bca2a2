// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

func TestSticky(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]balance.Policy{"default": nil, "round robin": balance.RoundRobin{}} {
		set := servers(5)
		p := balance.Sticky{Then: then}.NewPicker(set, nil)
		kept := pick(p, all)
		for range 100 {
			if i := pick(p, all); i != kept {
				t.Fatalf("%s: picked %d after %d", name, i, kept)
			}
		}
		next := pick(p, func(i int) bool { return i != kept })
		if next == kept || next < 0 {
			t.Fatalf("%s: picked %d while %d is down", name, next, kept)
		}
		if i := pick(p, all); i != next {
			t.Errorf("%s: picked %d, and not %d, which replaced it", name, i, next)
		}
		// The server is known again in another list, elsewhere.
		reversed := slices.Clone(set)
		slices.Reverse(reversed)
		p = balance.Sticky{Then: then}.NewPicker(reversed, p)
		if i := pick(p, all); i != 4-next {
			t.Errorf("%s: picked %d in another list, want %d", name, i, 4-next)
		}
		// One that is gone is replaced.
		without := slices.Delete(slices.Clone(set), next, next+1)
		p = balance.Sticky{Then: then}.NewPicker(without, p)
		first := pick(p, all)
		for range 20 {
			if i := pick(p, all); i != first {
				t.Errorf("%s: picked %d after %d", name, i, first)
			}
		}
	}
}

// Clients do not all keep to one server.
func TestStickyStartsAnywhere(t *testing.T) {
	t.Parallel()
	counts := make([]int, 5)
	for range 5000 {
		counts[pick(balance.Sticky{}.NewPicker(servers(5), nil), all)]++
	}
	if x := chiSquare(counts); x > critical[4] {
		t.Errorf("kept %v: chi-square is %.1f", counts, x)
	}
}

// Callers that are the first at the same time agree.
func TestStickyConcurrently(t *testing.T) {
	t.Parallel()
	const callers = 3
	p := balance.Sticky{Then: &meeting{callers: callers, met: make(chan struct{})}}.NewPicker(servers(callers), nil)
	picked := make([]int, callers)
	var group sync.WaitGroup
	for g := range picked {
		group.Go(func() { picked[g] = pick(p, all) })
	}
	group.Wait()
	if slices.Max(picked) != slices.Min(picked) {
		t.Fatalf("picked %v at the same time", picked)
	}
}

// meeting is a policy that lets its callers go on together, each with another server.
type meeting struct {
	callers int
	mu      sync.Mutex
	came    int
	met     chan struct{}
}

func (m *meeting) NewPicker([]registry.Instance, balance.Picker) balance.Picker { return m }

func (m *meeting) Pick(context.Context, *rpcx.Call, func(int) bool) int {
	m.mu.Lock()
	i := m.came
	if m.came++; m.came == m.callers {
		close(m.met)
	}
	m.mu.Unlock()
	<-m.met
	return i
}

// A server that fails a call is not kept.
func TestStickyLeavesAServerThatFails(t *testing.T) {
	t.Parallel()
	p := balance.Sticky{Then: balance.RoundRobin{}}.NewPicker(servers(3), nil)
	tracker := p.(balance.Tracker) //nolint:forcetypeassert // it is one
	first := p.Pick(t.Context(), nil, all)
	tracker.Begin(first)
	tracker.End(first, balance.Outcome{})
	if next := p.Pick(t.Context(), nil, all); next != first {
		t.Errorf("it went from %d to %d though nothing failed", first, next)
	}
	tracker.Begin(first)
	tracker.End(first, balance.Outcome{Err: rpcx.Errorf(rpcx.DeadlineExceeded, "late")})
	if next := p.Pick(t.Context(), nil, all); next == first {
		t.Error("it keeps to the server that failed")
	}
}
