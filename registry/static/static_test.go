// SPDX-License-Identifier: Apache-2.0

package static_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/static"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func instance(service, addr string) registry.Instance {
	return registry.Instance{Service: service, Network: "tcp", Addr: addr}
}

func addrs(instances []registry.Instance) string {
	var out []string
	for _, in := range instances {
		out = append(out, in.Addr)
	}
	return fmt.Sprint(out)
}

// watch records the snapshots of a service until the test ends.
func watch(t *testing.T, r registry.Resolver, service string) (seen func() []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var got []string
	done := make(chan error, 1)
	go func() {
		done <- r.Watch(ctx, service, func(instances []registry.Instance) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, addrs(instances))
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch ended with %v, want context.Canceled", err)
		}
	})
	return func() []string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]string{
		"Arith": "[a any b]", "Echo": "[any e]", "Other": "[any]", "arith": "[any]", "": "[any]",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := static.New(instance("Arith", "a"), instance("", "any"), instance("Echo", "e"), instance("Arith", "b"))
			if got := watch(t, r, service)(); !slices.Equal(got, []string{want}) {
				t.Errorf("%q: snapshots %v, want %s alone", service, got, want)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := static.New()
		first, second := watch(t, r, "Arith"), watch(t, r, "Arith")
		want := []string{"[]"}
		check := func() {
			t.Helper()
			for _, seen := range []func() []string{first, second} {
				if got := seen(); !slices.Equal(got, want) {
					t.Errorf("snapshots %v, want %v", got, want)
				}
			}
		}
		check()
		for _, list := range [][]string{{"a"}, {"a", "b"}, {"b"}, {}, {"c"}} {
			var instances []registry.Instance
			for _, a := range list {
				instances = append(instances, instance("Arith", a))
			}
			r.Update(instances...)
			want = append(want, addrs(instances))
			check()
		}
		late := watch(t, r, "Arith")
		if got := late(); !slices.Equal(got, []string{"[c]"}) {
			t.Errorf("a late watcher saw %v, want the newest only", got)
		}
	})
}

// TestLatestWins replaces the list while a watcher is busy with an old one: what it
// gets next is the newest.
func TestLatestWins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := static.New(instance("", "0"))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		got, resume := make(chan string), make(chan struct{})
		go func() {
			_ = r.Watch(ctx, "Arith", func(instances []registry.Instance) {
				got <- addrs(instances)
				<-resume
			})
		}()
		if s := <-got; s != "[0]" {
			t.Errorf("first snapshot %s", s)
		}
		for i := range 5 {
			r.Update(instance("", strconv.Itoa(i+1)))
		}
		close(resume)
		if s := <-got; s != "[5]" {
			t.Errorf("next snapshot %s, want [5]", s)
		}
	})
}

// TestConcurrentUpdates: snapshots come in order, and the last one is the last.
func TestConcurrentUpdates(t *testing.T) {
	t.Parallel()
	const updates = 1000
	r := static.New(instance("", "0"))
	var wg sync.WaitGroup
	for range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wg.Go(func() {
			last := -1
			err := r.Watch(ctx, "Arith", func(instances []registry.Instance) {
				n, err := strconv.Atoi(instances[0].Addr)
				if err != nil || len(instances) != 1 || n <= last {
					t.Errorf("snapshot %s after %d", addrs(instances), last)
				}
				if last = n; n == updates {
					cancel()
				}
			})
			if !errors.Is(err, context.Canceled) || last != updates {
				t.Errorf("Watch ended with %v after snapshot %d, want %d", err, last, updates)
			}
		})
	}
	for i := range updates {
		r.Update(instance("", strconv.Itoa(i+1)))
	}
	wg.Wait()
}

func TestContextEnded(t *testing.T) {
	t.Parallel()
	r := static.New(instance("", "a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := r.Watch(ctx, "Arith", func(instances []registry.Instance) {
		t.Errorf("update with %v", instances)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Watch = %v, want context.Canceled", err)
	}
}

// TestSnapshotsAreTheirOwn: neither the caller's slice nor another watcher's snapshot
// is what a watcher gets.
func TestSnapshotsAreTheirOwn(t *testing.T) {
	t.Parallel()
	list := []registry.Instance{instance("", "a"), instance("", "b")}
	r := static.New(list...)
	list[0].Addr = "changed"
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		_ = r.Watch(ctx, "Arith", func(instances []registry.Instance) {
			if got := addrs(instances); got != "[a b]" {
				t.Errorf("snapshot %s, want [a b]", got)
			}
			instances[0].Addr = "changed" // which nobody may, and nobody sees
			cancel()
		})
	}
	r.Update(list...)
	list[1].Addr = "changed"
	ctx, cancel := context.WithCancel(t.Context())
	_ = r.Watch(ctx, "Arith", func(instances []registry.Instance) {
		if got := addrs(instances); got != "[changed b]" {
			t.Errorf("snapshot %s, want [changed b]", got)
		}
		cancel()
	})
}
