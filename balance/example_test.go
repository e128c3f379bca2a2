// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"context"
	"fmt"
	"net/url"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// describe returns servers a, b, c, ... with this metadata.
func describe(queries ...string) []registry.Instance {
	var set []registry.Instance
	for i, q := range queries {
		meta, _ := registry.ParseMeta(q)
		set = append(set, registry.Instance{Network: "tcp", Addr: string(rune('a' + i)), Meta: meta})
	}
	return set
}

// count makes n calls and prints who got how many.
func count(what string, p balance.Picker, set []registry.Instance, n int, up func(i int) bool) {
	calls := make(map[string]int)
	for range n {
		if i := p.Pick(context.Background(), &rpcx.Call{Service: "Arith", Method: "Mul"}, up); i >= 0 {
			calls[set[i].Addr]++
		}
	}
	fmt.Println(what, calls)
}

// A client does this with the policy of Option.Balance: it makes a picker for the list
// of servers, asks it for every attempt, and makes the next picker from the last one
// when the list changes.
func Example() {
	policy := balance.RoundRobin{}
	set := describe("", "", "")
	picker := policy.NewPicker(set, nil)
	count("three servers:", picker, set, 6, all)
	count("b is down:    ", picker, set, 6, func(i int) bool { return i != 1 })

	set = describe("", "")
	picker = policy.NewPicker(set, picker)
	count("two servers:  ", picker, set, 6, all)
	// Output:
	// three servers: map[a:2 b:2 c:2]
	// b is down:     map[a:3 c:3]
	// two servers:   map[a:3 b:3]
}

func ExampleWeightedRoundRobin() {
	set := describe("weight=5", "weight=1", "weight=0", "")
	count("by weight:", balance.WeightedRoundRobin{}.NewPicker(set, nil), set, 14, all)
	// Output: by weight: map[a:10 b:2 d:2]
}

func ExampleClosest() {
	set := describe("latitude=50.1&longitude=8.7", "latitude=35.7&longitude=139.7", "")
	paris := new(balance.Position)
	if err := paris.Set(48.9, 2.4); err != nil {
		fmt.Println(err)
	}
	p := balance.Closest{From: paris}.NewPicker(set, nil)
	count("nearest:     ", p, set, 4, all)
	count("next nearest:", p, set, 4, func(i int) bool { return i != 0 })
	// Output:
	// nearest:      map[a:4]
	// next nearest: map[b:4]
}

func ExampleWithKey() {
	set := describe("", "", "", "")
	p := balance.ConsistentHash{}.NewPicker(set, nil)
	for _, user := range []string{"ann", "bob", "ann", "bob"} {
		ctx := balance.WithKey(context.Background(), user)
		fmt.Println(user, "goes to", set[p.Pick(ctx, &rpcx.Call{}, all)].Addr)
	}
	// Output:
	// ann goes to a
	// bob goes to c
	// ann goes to a
	// bob goes to c
}

func ExampleZoneAware() {
	set := describe("zone=east", "zone=west", "zone=west")
	p := balance.ZoneAware{Zone: "west", Then: balance.RoundRobin{}}.NewPicker(set, nil)
	count("all up:   ", p, set, 10, all)
	count("west down:", p, set, 10, func(i int) bool { return i == 0 })
	// Output:
	// all up:    map[b:5 c:5]
	// west down: map[a:10]
}

func ExampleSubset() {
	set := describe("", "", "", "", "", "")
	for client := 1; client <= 3; client++ {
		p := balance.Subset{Size: 2, Client: client}.NewPicker(set, nil)
		count(fmt.Sprint("client ", client, ":"), p, set, 10, all)
	}
	// Output:
	// client 1: map[c:5 d:5]
	// client 2: map[b:5 e:5]
	// client 3: map[a:5 f:5]
}

func ExampleSticky() {
	set := describe("", "", "")
	p := balance.Sticky{Then: balance.ConsistentHash{}}.NewPicker(set, nil)
	count("first choice:", p, set, 10, all)
	count("it is down:  ", p, set, 10, func(i int) bool { return i != 2 })
	count("it is back:  ", p, set, 10, all)
	// Output:
	// first choice: map[c:10]
	// it is down:   map[a:10]
	// it is back:   map[a:10]
}

func ExampleLeastPending() {
	set := describe("", "")
	p := balance.LeastPending{}.NewPicker(set, nil)
	p.(balance.Tracker).Begin(0) // a has a call to answer
	count("a is busy:", p, set, 10, all)
	// Output: a is busy: map[b:10]
}

// Policies are small. This one prefers servers of a version, and leaves the choice among
// them to another policy.
func ExamplePolicy() {
	set := []registry.Instance{
		{Network: "tcp", Addr: "10.0.0.1:8972", Meta: url.Values{"version": {"1"}}},
		{Network: "tcp", Addr: "10.0.0.2:8972", Meta: url.Values{"version": {"2"}}},
		{Network: "tcp", Addr: "10.0.0.3:8972", Meta: url.Values{"version": {"2"}}},
	}
	p := preferred{version: "2", then: balance.Random{}}.NewPicker(set, nil)
	up := func(i int) bool { return i != 1 } // 10.0.0.2 is down
	fmt.Println(set[p.Pick(context.Background(), &rpcx.Call{}, up)].Addr)
	// Output: 10.0.0.3:8972
}

type preferred struct {
	version string
	then    balance.Policy
}

func (v preferred) NewPicker(set []registry.Instance, _ balance.Picker) balance.Picker {
	return preferring{v.version, set, v.then.NewPicker(set, nil)}
}

type preferring struct {
	version string
	set     []registry.Instance
	then    balance.Picker
}

func (p preferring) Pick(ctx context.Context, call *rpcx.Call, usable func(int) bool) int {
	wanted := func(i int) bool { return p.set[i].Meta.Get("version") == p.version && usable(i) }
	if i := p.then.Pick(ctx, call, wanted); i >= 0 {
		return i
	}
	return p.then.Pick(ctx, call, usable)
}
