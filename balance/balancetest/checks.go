// SPDX-License-Identifier: Apache-2.0

package balancetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// checks are the promises of a policy. Each returns what is wrong.
func checks() map[string]func(balance.Policy) error {
	return map[string]func(balance.Policy) error{
		"chooses usable":  choosesUsable,
		"nobody":          nobody,
		"the only one":    theOnlyOne,
		"up and down":     upAndDown,
		"any metadata":    anyMetadata,
		"other sets":      otherSets,
		"learns":          learns,
		"concurrent":      concurrent,
		"allocates":       allocates,
		"used when ended": usedWhenEnded,
	}
}

func sizes() []int { return []int{1, 2, 3, 7, 100} }

// choosesUsable: with some servers down it picks one that is up, every time.
func choosesUsable(p balance.Policy) error {
	for _, n := range sizes() {
		t := start(p, Servers(n))
		for round := range 200 {
			up := func(i int) bool { return (i+round)%3 != 0 || n == 1 }
			if i, err := t.pick(up); err != nil {
				return err
			} else if i < 0 {
				return fmt.Errorf("picked none of %d servers, of which some are usable", n)
			}
		}
		if err := t.close(); err != nil {
			return err
		}
	}
	return nil
}

func nobody(p balance.Policy) error {
	for _, n := range sizes() {
		t := start(p, Servers(n))
		for range 50 {
			if i, err := t.pick(func(int) bool { return false }); err != nil || i != -1 {
				return errors.Join(err, fmt.Errorf("picked %d of %d servers, of which none is usable", i, n))
			}
		}
		if err := t.close(); err != nil {
			return err
		}
	}
	return nil
}

func theOnlyOne(p balance.Policy) error {
	for _, n := range sizes() {
		t := start(p, Servers(n))
		for only := range n {
			if i, err := t.pick(func(i int) bool { return i == only }); err != nil || i != only {
				return errors.Join(err, fmt.Errorf("picked %d of %d servers, only %d is usable", i, n, only))
			}
		}
		if err := t.close(); err != nil {
			return err
		}
	}
	return nil
}

// upAndDown: servers may go down between two questions about them. One that is picked
// was usable at least once.
func upAndDown(p balance.Policy) error {
	for _, n := range sizes() {
		t := start(p, Servers(n))
		for seed := range 500 {
			asked, said := 0, make(map[int]bool)
			i := t.Pick(context.Background(), &rpcx.Call{Service: "S", Method: "M"}, func(i int) bool {
				asked++
				up := (asked*2654435761>>8+seed)%5 == 0
				said[i] = said[i] || up
				return up
			})
			if i < -1 || i >= 0 && !said[i] {
				return fmt.Errorf("picked %d of %d servers, which was not usable whenever asked", i, n)
			}
		}
		if err := t.close(); err != nil {
			return err
		}
	}
	return nil
}

// anyMetadata: whatever servers say of themselves, picking neither panics nor picks a
// server that there is not. A policy may leave out servers for what they say.
func anyMetadata(p balance.Policy) error {
	const much = "99999999999999999999999"
	for _, set := range [][]registry.Instance{
		with("weight=0"),
		with("weight=0", "weight=0"),
		with("weight=-1", "weight=-"+much),
		with("weight=0", "weight=1", "weight="+much),
		with("weight="+much, "weight="+much, "weight=2147483647"),
		with("weight=x", "weight=", "weight=1.5", "weight=NaN", "weight=1&weight=0"),
		with("latitude=x", "latitude=1", "latitude=1&longitude=", "latitude=NaN&longitude=Inf", "latitude=1e99&longitude=-1e99"),
		with("zone=", "zone=a&zone=b", "state=inactive", "group=g"),
		with("", "a", "=b", "weight=1000000"),
	} {
		t := start(p, set)
		for round := range 100 {
			if _, err := t.pick(func(i int) bool { return round%2 == 0 || i != round%len(set) }); err != nil {
				return fmt.Errorf("metadata %q: %w", set[0].Meta, err)
			}
		}
		if err := t.close(); err != nil {
			return err
		}
	}
	return nil
}

// otherSets: servers come, go, change places and change their metadata.
func otherSets(p balance.Policy) error {
	all := Servers(20)
	reversed := Servers(20)
	for i := range reversed {
		reversed[i] = all[len(all)-1-i]
	}
	t := start(p, all[:5])
	for _, set := range [][]registry.Instance{all, all[5:], all[:1], reversed, with("weight=3", "zone=a"), all[10:], all} {
		ends := make([]func(balance.Outcome), 0, 20)
		for range 20 {
			i, err := t.pick(func(int) bool { return true })
			if err != nil {
				return err
			}
			ends = append(ends, t.attempt(i))
		}
		next, err := t.replace(p, set)
		if err != nil {
			return err
		}
		for _, end := range ends {
			end(balance.Outcome{Latency: time.Millisecond})
		}
		t = next
		for range 20 {
			if i, err := t.pick(func(int) bool { return true }); err != nil || i < 0 {
				return errors.Join(err, fmt.Errorf("picked %d of %d servers that are all usable, in a set after another one", i, len(set)))
			}
		}
	}
	return t.close()
}

// learns: no outcome makes a policy panic, or keep to itself servers that are usable.
func learns(p balance.Policy) error {
	t := start(p, Servers(4))
	for range 100 {
		for _, o := range []balance.Outcome{
			{},
			{Latency: time.Nanosecond},
			{Latency: time.Hour},
			{Latency: -time.Second},
			{Err: rpcx.Unsent(rpcx.Unavailable, "down")},
			{Latency: time.Millisecond, Err: rpcx.Unsent(rpcx.Canceled, "given up")},
			{Latency: time.Millisecond, Err: errors.New("something")},
		} {
			i, err := t.pick(func(int) bool { return true })
			if err != nil || i < 0 {
				return errors.Join(err, fmt.Errorf("picked %d of 4 servers that are all usable, after attempts of every outcome", i))
			}
			t.attempt(i)(o)
		}
	}
	for only := range 4 { // also the one that it thinks least of
		if i, err := t.pick(func(i int) bool { return i == only }); err != nil || i != only {
			return errors.Join(err, fmt.Errorf("picked %d, only %d is usable", i, only))
		}
	}
	return t.close()
}

// concurrent is for the race detector.
func concurrent(p balance.Policy) error {
	const callers, calls = 8, 300
	var group sync.WaitGroup
	errs := make([]error, callers)
	first := start(p, Servers(10))
	second := &trial{Servers(12), p.NewPicker(Servers(12), first.Picker)}
	for c := range callers {
		group.Go(func() {
			for n := range calls {
				t := first
				if (c+n)%2 == 0 {
					t = second
				}
				i, err := t.pick(func(i int) bool { return i != c })
				if err != nil {
					errs[c] = err
					return
				}
				t.attempt(i)(balance.Outcome{Latency: time.Duration(n)})
			}
		})
	}
	group.Wait()
	return errors.Join(append(errs, first.close(), second.close())...)
}

func allocates(p balance.Policy) error {
	t := start(p, Servers(10))
	var tracker balance.Tracker
	if l, ok := t.Picker.(balance.Tracker); ok {
		tracker = l
	}
	ctx, call := context.Background(), &rpcx.Call{Service: "S", Method: "M", Args: "x"}
	usable := func(i int) bool { return i != 3 }
	least := math.Inf(1) // of many: a sync.Pool is emptied now and then
	for range 50 {
		least = min(least, testing.AllocsPerRun(1, func() {
			i := t.Pick(ctx, call, usable)
			if tracker != nil {
				tracker.Begin(i)
				tracker.End(i, balance.Outcome{Latency: time.Millisecond})
			}
		}))
	}
	if least > 0 {
		return errors.Join(t.close(), fmt.Errorf("a pick costs %v allocations", least))
	}
	return t.close()
}

// usedWhenEnded: calls that have begun go on after Close.
func usedWhenEnded(p balance.Policy) error {
	t := start(p, Servers(3))
	if err := t.close(); err != nil {
		return err
	}
	for range 10 {
		i, err := t.pick(func(int) bool { return true })
		if err != nil || i < 0 {
			return errors.Join(err, fmt.Errorf("picked %d of 3 servers that are all usable, after Close", i))
		}
		t.attempt(i)(balance.Outcome{})
	}
	return nil
}
