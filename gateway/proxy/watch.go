// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/rpcx-go/rpcx/internal/backoff"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/static"
)

// isName reports whether a service may have a name. Registries make paths of names, which
// strangers must not lead elsewhere.
func isName(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return strings.IndexFunc(name, unicode.IsControl) < 0
}

// lookUp begins to watch a service. The caller holds the lock.
func (t *services) lookUp(name string) *service {
	s := &service{name: name, relay: static.New(), found: make(chan struct{})}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(t.ctx)
	s.place = t.recent.PushFront(s)
	s.expiry = time.AfterFunc(t.idle, func() { t.expire(s) })
	t.byName[name] = s
	t.lookups++
	t.tasks.Go(func() { t.follow(ctx, s) })
	return s
}

// follow watches a service until it is dropped.
func (t *services) follow(ctx context.Context, s *service) {
	for failures := 0; ; failures++ {
		err := t.resolver.Watch(ctx, s.name, func(instances []registry.Instance) {
			failures = 0
			t.update(s, instances)
		})
		if ctx.Err() != nil {
			return
		}
		t.failed.Warn(ctx, slog.String("service", s.name), slog.Any("error", err))
		t.fail(s)
		if new(backoff.Policy).Wait(ctx, failures) != nil {
			return
		}
	}
}

// update takes what the registry says. A service that has no servers at first is unknown.
func (t *services) update(s *service, instances []registry.Instance) {
	s.relay.Update(instances...)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !s.asked && len(instances) == 0 {
		t.absent.add(s.name)
		t.answer(s, unknown(s.name))
		t.drop(s)
		return
	}
	t.answer(s, nil)
}

// fail gives up a service that the registry has said nothing of.
func (t *services) fail(s *service) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !s.asked {
		t.drop(s)
	}
}

// Watch implements registry.Resolver for the client.
func (t *services) Watch(ctx context.Context, name string, update func([]registry.Instance)) error {
	t.mu.Lock()
	s := t.byName[name]
	t.mu.Unlock()
	if s == nil { // the client is about to be told to forget it
		<-ctx.Done()
		return ctx.Err()
	}
	return s.relay.Watch(ctx, name, update)
}

// answer lets calls go on that wait for the registry, if they do: with err, or to the
// service if that is nil. The caller holds the lock.
func (t *services) answer(s *service, err error) {
	if s.asked {
		return
	}
	s.asked, s.err = true, err
	t.lookups--
	close(s.found)
}
