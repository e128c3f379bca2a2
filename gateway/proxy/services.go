// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/notice"
	"github.com/rpcx-go/rpcx/internal/tokenbucket"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/static"
)

const (
	lookupTime = 5 * time.Second // for the registry's first answer
	maxLookups = 100             // that wait for it
)

// services are those that are called. A name that is new is looked up: each caller may ask
// for some, and the answer that there is none of it is remembered for a while. The client
// gets to know only names that the registry knows, through Watch.
type services struct {
	resolver registry.Resolver
	forget   func(name string) // makes the client forget
	max      int
	idle     time.Duration
	failed   *notice.Notice

	listed    bool                 // no other names come here than the configuration has
	all, each *tokenbucket.Buckets // of lookups, in all and for each caller

	ctx    context.Context //nolint:containedctx // ends with close
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu      sync.Mutex // guards what follows, and the fields of each service below its own
	byName  map[string]*service
	recent  list.List // of *service; what was called last is in front
	lookups int       // services whose answer has not come
	absent  absent
	closed  bool
}

// service is one of them.
type service struct {
	name   string
	relay  *static.Resolver   // what the client watches
	cancel context.CancelFunc // ends the watch
	found  chan struct{}      // closed with the registry's first answer

	// Guarded by services.mu.
	place  *list.Element
	expiry *time.Timer
	calls  int
	used   time.Time
	asked  bool  // found is closed
	err    error // why it cannot be called
}

func newServices(r registry.Resolver, c *Config) *services {
	t := &services{
		resolver: r,
		max:      c.MaxServices,
		idle:     c.ServiceIdle,
		failed:   notice.New(c.Client.Logger, "discovery failed, trying again"),
		listed:   len(c.Allow) > 0 && !slices.Contains(c.Allow, "*"),
		all:      tokenbucket.New(tokenbucket.Rate{PerSecond: 200, Burst: 1000, MaxKeys: 1}),
		each:     tokenbucket.New(tokenbucket.Rate{PerSecond: 20, Burst: 200}),
		byName:   make(map[string]*service),
		absent:   newAbsent(),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

var (
	errLookups  = rpcx.Errorf(rpcx.ResourceExhausted, "gateway: too many names are asked for that are not known yet").NotExecuted()
	errServices = rpcx.Errorf(rpcx.Unavailable, "gateway: as many services are called as may").NotExecuted().WithPause(time.Second)
	errRegistry = rpcx.Errorf(rpcx.Unavailable, "gateway: the registry does not answer").NotExecuted().WithPause(time.Second)
)

// enter returns the service of a call that caller makes, once the registry has answered
// for it. leave says that the call has ended.
func (t *services) enter(ctx context.Context, caller, name string) (*service, error) {
	s, err := t.take(caller, name)
	if err != nil {
		return nil, err
	}
	if err := t.await(ctx, s); err != nil {
		t.leave(s)
		return nil, err
	}
	return s, nil
}

// take returns a service, a new one that is looked up if it is not known.
func (t *services) take(caller, name string) (*service, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.byName[name]
	switch {
	case t.closed:
		return nil, errClosed
	case s != nil:
		t.recent.MoveToFront(s.place)
	case t.absent.has(name):
		return nil, unknown(name)
	default:
		if wait := t.charge(caller); wait > 0 {
			return nil, errLookups.WithPause(wait)
		}
		if t.lookups >= maxLookups {
			return nil, errRegistry
		}
		if !t.room() {
			return nil, errServices
		}
		s = t.lookUp(name)
	}
	s.calls++
	s.used = time.Now()
	return s, nil
}

// charge takes a token for a lookup, first of the caller's own. It returns how long the next
// one takes to come if there is none.
func (t *services) charge(caller string) (wait time.Duration) {
	if t.listed {
		return 0
	}
	if wait = t.each.Take(caller); wait > 0 {
		return wait
	}
	return t.all.Take("")
}

// await waits for the registry's first answer.
func (t *services) await(ctx context.Context, s *service) error {
	select {
	case <-s.found:
	default:
		timer := time.NewTimer(lookupTime)
		defer timer.Stop()
		select {
		case <-s.found:
		case <-timer.C:
			return errRegistry
		case <-ctx.Done():
			return rpcx.Errorf(rpcx.CodeOf(ctx.Err()), "gateway: find servers of %s: %w", s.name, ctx.Err()).NotExecuted()
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return s.err
}

// leave says that a call has ended.
func (t *services) leave(s *service) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.calls--
	s.used = time.Now()
	if !s.asked && s.calls == 0 && t.byName[s.name] == s { // nobody waits for the answer any more
		t.drop(s)
	}
}

// room makes room for another service, if it can. The caller holds the lock.
func (t *services) room() bool {
	for e := t.recent.Back(); e != nil && len(t.byName) >= t.max; e = e.Prev() {
		if s := e.Value.(*service); s.calls == 0 { //nolint:forcetypeassert,errcheck // nothing else is in there
			t.drop(s)
			return true
		}
	}
	return len(t.byName) < t.max
}

// drop forgets a service. The caller holds the lock.
func (t *services) drop(s *service) {
	delete(t.byName, s.name)
	t.recent.Remove(s.place)
	s.expiry.Stop()
	s.cancel()
	t.answer(s, errRegistry)
	t.forget(s.name)
}

// expire forgets a service that nobody calls.
func (t *services) expire(s *service) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch left := t.idle - time.Since(s.used); {
	case t.byName[s.name] != s:
	case s.calls > 0:
		s.expiry.Reset(t.idle)
	case left > 0:
		s.expiry.Reset(left)
	default:
		t.drop(s)
	}
}

// close ends all watches.
func (t *services) close() {
	t.mu.Lock()
	t.closed = true
	for _, s := range t.byName {
		s.expiry.Stop()
		t.answer(s, errClosed)
	}
	t.mu.Unlock()
	t.cancel()
	t.tasks.Wait()
}
