// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func instance(service, addr string, meta ...string) registry.Instance {
	in := registry.Instance{Service: service, Network: "tcp", Addr: addr, Meta: url.Values{}}
	for i := 0; i < len(meta); i += 2 {
		in.Meta.Add(meta[i], meta[i+1])
	}
	return in
}

func register(t *testing.T, r *memory.Registry, in registry.Instance) registry.Lease {
	t.Helper()
	lease, err := r.Register(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// look returns the servers of a service that a new watcher sees.
func look(t *testing.T, r *memory.Registry, service string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var seen []string
	err := r.Watch(ctx, service, func(instances []registry.Instance) {
		for _, in := range instances {
			seen = append(seen, strings.TrimSuffix(in.Addr+"?"+registry.FormatMeta(in.Meta), "?"))
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Watch = %v, want context.Canceled", err)
	}
	return strings.Join(seen, " ")
}

func want(t *testing.T, r *memory.Registry, service, servers string) {
	t.Helper()
	if got := look(t, r, service); got != servers {
		t.Errorf("servers of %q: %q, want %q", service, got, servers)
	}
}

func TestLifeOfARegistration(t *testing.T) {
	t.Parallel()
	r, ctx := memory.New(), t.Context()
	want(t, r, "Arith", "")

	b := register(t, r, instance("Arith", "b", "weight", "3"))
	a := register(t, r, instance("Arith", "a"))
	register(t, r, instance("Echo", "a"))
	want(t, r, "Arith", "a b?weight=3")
	want(t, r, "Echo", "a")
	want(t, r, "Other", "")

	if err := b.Update(ctx, url.Values{"state": {"inactive"}}); err != nil {
		t.Errorf("Update: %v", err)
	}
	want(t, r, "Arith", "a b?state=inactive")
	if err := b.Update(ctx, nil); err != nil {
		t.Errorf("Update: %v", err)
	}
	want(t, r, "Arith", "a b")

	for range 2 {
		if err := a.Release(ctx); err != nil {
			t.Errorf("Release: %v", err)
		}
		want(t, r, "Arith", "b")
	}
	want(t, r, "Echo", "a")
	if err := a.Update(ctx, nil); err == nil || !strings.Contains(err.Error(), "tcp@a") {
		t.Errorf("Update after Release: %v, want an error that names the instance", err)
	}
	want(t, r, "Arith", "b")
}

func TestServersOfEveryService(t *testing.T) {
	t.Parallel()
	r := memory.New()
	register(t, r, instance("", "any"))
	register(t, r, instance("Arith", "a"))
	want(t, r, "Arith", "any a")
	want(t, r, "Echo", "any")
}

// TestRegisteredAnew: the newer of two registrations of one place counts, and the
// older lease does it no harm.
func TestRegisteredAnew(t *testing.T) {
	t.Parallel()
	r, ctx := memory.New(), t.Context()
	older := register(t, r, instance("Arith", "a", "weight", "1"))
	newer := register(t, r, instance("Arith", "a", "weight", "2"))
	want(t, r, "Arith", "a?weight=2")
	if err := older.Update(ctx, url.Values{"weight": {"3"}}); err == nil {
		t.Error("Update of a lease that was replaced: no error")
	}
	if err := older.Release(ctx); err != nil {
		t.Errorf("Release of a lease that was replaced: %v", err)
	}
	want(t, r, "Arith", "a?weight=2")
	if err := newer.Release(ctx); err != nil {
		t.Errorf("Release: %v", err)
	}
	want(t, r, "Arith", "")
}

// TestSameAddressOtherNetwork is two places.
func TestSameAddressOtherNetwork(t *testing.T) {
	t.Parallel()
	r := memory.New()
	in := instance("Arith", "a")
	register(t, r, in)
	in.Network = "unix"
	lease := register(t, r, in)
	want(t, r, "Arith", "a a")
	if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
	want(t, r, "Arith", "a")
}

func TestRefused(t *testing.T) {
	t.Parallel()
	r := memory.New()
	for _, in := range []registry.Instance{{}, {Service: "Arith", Network: "tcp"}, {Service: "Arith", Addr: "a"}} {
		if lease, err := r.Register(t.Context(), in); err == nil || lease != nil {
			t.Errorf("Register(%+v) = %v, %v, want an error", in, lease, err)
		}
	}
	want(t, r, "Arith", "")
}

func TestContextEnded(t *testing.T) {
	t.Parallel()
	r := memory.New()
	lease := register(t, r, instance("Arith", "a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Register(ctx, instance("Arith", "b")); !errors.Is(err, context.Canceled) {
		t.Errorf("Register = %v, want context.Canceled", err)
	}
	if err := lease.Update(ctx, url.Values{"weight": {"9"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want context.Canceled", err)
	}
	want(t, r, "Arith", "a")
	if err := lease.Release(ctx); err != nil {
		t.Errorf("Release = %v, want nil: servers release when all is over", err)
	}
	want(t, r, "Arith", "")
}

// TestMetadataIsCopied changes maps after they were handed in.
func TestMetadataIsCopied(t *testing.T) {
	t.Parallel()
	r := memory.New()
	in := instance("Arith", "a", "weight", "1")
	lease := register(t, r, in)
	in.Meta.Set("weight", "changed")
	want(t, r, "Arith", "a?weight=1")
	meta := url.Values{"weight": {"2"}}
	if err := lease.Update(t.Context(), meta); err != nil {
		t.Error(err)
	}
	meta.Set("weight", "changed")
	want(t, r, "Arith", "a?weight=2")
}

// TestConcurrentRegistrations: watchers end up with what is there in the end, whoever
// came and went meanwhile.
func TestConcurrentRegistrations(t *testing.T) {
	t.Parallel()
	const servers, watchers = 16, 4
	r := memory.New()
	var watching, serving sync.WaitGroup
	for range watchers {
		watching.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_ = r.Watch(ctx, "Arith", func(instances []registry.Instance) {
				stay := 0
				for _, in := range instances {
					if in.Meta.Get("state") == "stays" {
						stay++
					}
				}
				if len(instances) == servers && stay == servers {
					cancel()
				}
			})
		})
	}
	for i := range servers {
		serving.Go(func() {
			in := instance("Arith", strconv.Itoa(i))
			for range 50 {
				lease, err := r.Register(t.Context(), in)
				if err != nil {
					t.Errorf("Register: %v", err)
					return
				}
				if err := lease.Release(t.Context()); err != nil {
					t.Errorf("Release: %v", err)
				}
			}
			lease, err := r.Register(t.Context(), in)
			if err != nil {
				t.Errorf("Register: %v", err)
				return
			}
			if err := lease.Update(t.Context(), url.Values{"state": {"stays"}}); err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	serving.Wait()
	watching.Wait() // each has seen all of them
}
