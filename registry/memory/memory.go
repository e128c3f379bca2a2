// SPDX-License-Identifier: Apache-2.0

// Package memory is a registry inside the process, for tests and for programs that
// hold servers and clients alike.
//
//	services := memory.New()
//	lease, err := services.Register(ctx, registry.Instance{Service: "Arith", Network: "tcp", Addr: addr})
//
// A [Registry] is both ends: servers register with it, clients watch it. Nothing of it
// fails, expires or outlives the process.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/rpcx-go/rpcx/registry"
)

// Registry is a registry in memory. Make one with New.
type Registry struct {
	mu      sync.Mutex // over what follows
	leases  map[place]*lease
	changed chan struct{} // closed when there is news for watchers
}

var (
	_ registry.Resolver  = (*Registry)(nil)
	_ registry.Registrar = (*Registry)(nil)
)

// place is where an instance stands: in a registry there is one for each.
type place struct{ service, key string }

// New returns an empty registry.
func New() *Registry {
	return &Registry{leases: make(map[place]*lease), changed: make(chan struct{})}
}

// Watch implements registry.Resolver. Instances are ordered by service and address;
// those without a service are servers of every one. A watcher that is slow misses
// what was changed again meanwhile. It returns ctx's error.
func (r *Registry) Watch(ctx context.Context, service string, update func([]registry.Instance)) error {
	for ctx.Err() == nil {
		found, changed := r.find(service)
		update(found)
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// find returns the servers of a service, and what is closed when they may be others.
func (r *Registry) find(service string) ([]registry.Instance, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []registry.Instance
	for _, l := range r.leases {
		if l.instance.Service == "" || l.instance.Service == service {
			found = append(found, l.instance)
		}
	}
	slices.SortFunc(found, func(a, b registry.Instance) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), strings.Compare(a.Key(), b.Key()))
	})
	return found, r.changed
}

// tell lets watchers look again. The caller holds the lock.
func (r *Registry) tell() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Register implements registry.Registrar. An instance with the service and address of
// one that is there replaces it, and the older lease is worth nothing any more. An
// instance without a network or an address is an error.
func (r *Registry) Register(ctx context.Context, in registry.Instance) (registry.Lease, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if in.Network == "" || in.Addr == "" {
		return nil, fmt.Errorf("memory: instance %q of service %q needs a network and an address", in.Key(), in.Service)
	}
	in.Meta = cloneMeta(in.Meta)
	l := &lease{registry: r, instance: in}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leases[l.place()] = l
	r.tell()
	return l, nil
}

// lease is one registration. Its instance is guarded by the registry's lock.
type lease struct {
	registry *Registry
	instance registry.Instance
}

func (l *lease) place() place { return place{l.instance.Service, l.instance.Key()} }

// Update implements registry.Lease. It fails when the lease was released or replaced.
func (l *lease) Update(ctx context.Context, meta url.Values) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := l.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leases[l.place()] != l {
		return fmt.Errorf("memory: %s of service %q was released or registered anew", l.instance.Key(), l.instance.Service)
	}
	l.instance.Meta = cloneMeta(meta)
	r.tell()
	return nil
}

// Release implements registry.Lease. It works when ctx is over, too: there is nothing
// to wait for.
func (l *lease) Release(context.Context) error {
	r := l.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leases[l.place()] == l {
		delete(r.leases, l.place())
		r.tell()
	}
	return nil
}

func cloneMeta(meta url.Values) url.Values {
	c := make(url.Values, len(meta))
	for k, v := range meta {
		c[k] = slices.Clone(v)
	}
	return c
}
