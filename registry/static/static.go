// SPDX-License-Identifier: Apache-2.0

// Package static resolves services to a list of servers that the program gives, and
// may replace at any time.
package static

import (
	"context"
	"slices"
	"sync"

	"github.com/rpcx-go/rpcx/registry"
)

// Resolver finds the servers of a list. An instance without a service name serves
// every service. Make one with New.
type Resolver struct {
	mu        sync.Mutex // guards what follows
	instances []registry.Instance
	changed   chan struct{} // closed when the list is replaced
}

// New returns a resolver of the given instances.
func New(instances ...registry.Instance) *Resolver {
	return &Resolver{instances: slices.Clone(instances), changed: make(chan struct{})}
}

// Update replaces the list. Watchers that have not taken the one before get only the
// new one.
func (r *Resolver) Update(instances ...registry.Instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instances = slices.Clone(instances)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Watch implements registry.Resolver.
func (r *Resolver) Watch(ctx context.Context, service string, update func([]registry.Instance)) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.mu.Lock()
		all, changed := r.instances, r.changed
		r.mu.Unlock()
		update(of(service, all))
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// of returns the instances of one service.
func of(service string, all []registry.Instance) []registry.Instance {
	var found []registry.Instance
	for _, in := range all {
		if in.Service == "" || in.Service == service {
			found = append(found, in)
		}
	}
	return found
}
