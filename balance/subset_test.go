// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"slices"
	"testing"

	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// used returns the addresses that a picker chooses.
func used(p balance.Picker, set []registry.Instance) []string {
	var addrs []string
	for i, n := range draw(p, len(set), 50*len(set), all)[:len(set)] {
		if n > 0 {
			addrs = append(addrs, set[i].Addr)
		}
	}
	slices.Sort(addrs)
	return addrs
}

// As many clients as it takes to cover the servers once put the same load on each.
func TestSubsetIsEven(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ servers, size, clients, least, most int }{
		{12, 3, 4, 1, 1},
		{12, 3, 40, 10, 10},
		{100, 20, 50, 10, 10},
		{10, 4, 30, 10, 20}, // 3 clients take 12 places: two servers in each round have two
		{5, 1, 5, 1, 1},
		{3, 20, 7, 7, 7},
	} {
		load := make(map[string]int)
		set := servers(tt.servers)
		for c := range tt.clients {
			mine := used(balance.Subset{Size: tt.size, Client: c + 1}.NewPicker(set, nil), set)
			if len(mine) != min(tt.size, tt.servers) {
				t.Errorf("%+v: client %d uses %d servers", tt, c+1, len(mine))
			}
			for _, addr := range mine {
				load[addr]++
			}
		}
		for _, in := range set {
			if n := load[in.Addr]; n < tt.least || n > tt.most {
				t.Errorf("%+v: %d clients use %s, want %d to %d", tt, n, in.Addr, tt.least, tt.most)
			}
		}
	}
}

// The subset does not depend on the order of the list, and hardly on one server.
func TestSubsetIsDeterministic(t *testing.T) {
	t.Parallel()
	const size = 10
	set := servers(60)
	for c := 1; c <= 30; c++ {
		policy := balance.Subset{Size: size, Client: c}
		mine := used(policy.NewPicker(set, nil), set)
		reversed := slices.Clone(set)
		slices.Reverse(reversed)
		if got := used(policy.NewPicker(reversed, nil), reversed); !slices.Equal(got, mine) {
			t.Errorf("client %d uses %v, and %v when the list is reversed", c, mine, got)
		}
		fewer := set[:59]
		kept := 0
		for _, addr := range used(policy.NewPicker(fewer, nil), fewer) {
			if slices.Contains(mine, addr) {
				kept++
			}
		}
		if kept < size-2 {
			t.Errorf("client %d keeps %d of %d servers when one of 60 goes", c, kept, size)
		}
	}
}

// A client without a number chooses by chance, once.
func TestSubsetWithoutANumber(t *testing.T) {
	t.Parallel()
	set := servers(200)
	first := balance.Subset{}.NewPicker(set, nil)
	mine := used(first, set)
	if len(mine) != 20 {
		t.Errorf("uses %d servers, want 20", len(mine))
	}
	if again := used(balance.Subset{}.NewPicker(set, first), set); !slices.Equal(mine, again) {
		t.Error("the subset changes with every list")
	}
	if other := used(balance.Subset{}.NewPicker(set, nil), set); slices.Equal(mine, other) {
		t.Error("two clients without numbers have one subset")
	}
}

// When the whole subset is down the others are used, and no longer than that.
func TestSubsetDown(t *testing.T) {
	t.Parallel()
	set := servers(10)
	p := balance.Subset{Size: 2, Client: 1, Then: balance.LeastPending{}}.NewPicker(set, nil)
	mine := used(p, set)
	down := func(i int) bool { return !slices.Contains(mine, set[i].Addr) }
	if counts := draw(p, 10, 8000, down); chiSquare(slices.DeleteFunc(counts[:10], func(n int) bool { return n == 0 })) > 50 {
		t.Errorf("picked %v while the subset is down", counts)
	}
	if again := used(p, set); !slices.Equal(again, mine) {
		t.Errorf("uses %v when all is well again, want %v", again, mine)
	}
	for i := range set { // outside of the subset too
		begin(p, i)
		end(p, i, balance.Outcome{})
	}
}
