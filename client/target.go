// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// target is one service as discovery sees it. What the call path reads is an
// immutable snapshot.
type target struct {
	client    *Client
	service   string
	snapshot  atomic.Pointer[snapshot]
	forgotten atomic.Bool
	ready     chan struct{} // closed with the first snapshot or error
	once      sync.Once
	last      balance.Picker    // of the latest snapshot that had servers; update's, and at the end Close's
	patients  map[*node]*vitals // update's

	ctx    context.Context    //nolint:containedctx // ends with the client, or with Forget
	cancel context.CancelFunc // of ctx

	mu  sync.Mutex // guards what follows
	err error      // why there is no snapshot
}

// snapshot is the servers of a service at one time, and a picker among them.
type snapshot struct {
	instances []registry.Instance
	nodes     []*node // of the instances, in the same order
	picker    balance.Picker
	tracker   balance.Tracker  // the picker, if it learns
	index     map[*node]int    // of the nodes; only with a tracker
	vitals    []*vitals        // of the nodes; only with Option.HealthCheck
	usable    func(i int) bool // for a call that has not tried any server yet
	bad       error            // instances that cannot be used
	left      leftOut          // instances that are not called
}

func newTarget(c *Client, service string) *target {
	t := &target{client: c, service: service, ready: make(chan struct{})}
	t.ctx, t.cancel = context.WithCancel(c.ctx)
	return t
}

// watch follows discovery until the client is closed, or told to forget the service.
func (t *target) watch() {
	defer t.cancel()
	t.follow()
	if t.forgotten.Load() {
		t.quit()
		return
	}
	t.fail(errClosed)
}

func (t *target) follow() {
	c := t.client
	for failures := 0; ; failures++ {
		err := c.discovery.Watch(t.ctx, t.service, func(instances []registry.Instance) {
			failures = 0
			t.update(instances)
		})
		if t.ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errWatchEnded
		}
		t.fail(err)
		if rpcx.CodeOf(err) == rpcx.InvalidArgument { // it will not get better
			<-t.ctx.Done()
			return
		}
		c.config.Logger.Warn("discovery failed, trying again", "service", t.service, "error", err)
		if c.config.reconnect.Wait(t.ctx, failures) != nil {
			return
		}
	}
}

// fail notes why there is no snapshot, for those that wait for the first one.
func (t *target) fail(err error) {
	t.mu.Lock()
	t.err = err
	t.mu.Unlock()
	t.once.Do(func() { close(t.ready) })
}

// update makes a snapshot of what discovery reported. One goroutine calls it.
func (t *target) update(instances []registry.Instance) {
	kept, left, bad := t.client.eligible(t.service, instances)
	old := t.snapshot.Load()
	if old != nil && bad == nil && old.bad == nil && (old.left == left || len(kept) > 0) &&
		slices.EqualFunc(old.instances, kept, registry.Instance.Equal) {
		return
	}
	s := &snapshot{instances: kept, nodes: t.client.acquire(kept), bad: bad, left: left}
	s.vitals = t.monitor(s.nodes)
	s.usable = s.fit
	last := t.last
	if len(kept) > 0 {
		s.picker = t.client.policy.NewPicker(kept, last)
		t.last = s.picker
		s.track()
	}
	t.snapshot.Store(s)
	t.once.Do(func() { close(t.ready) })
	if t.last != last {
		t.shut(last)
	}
	if old != nil {
		t.client.release(old.nodes)
	}
}

// track makes the outcomes of attempts known to a picker that learns.
func (s *snapshot) track() {
	tracker, ok := s.picker.(balance.Tracker)
	if !ok {
		return
	}
	s.tracker, s.index = tracker, make(map[*node]int, len(s.nodes))
	for i, n := range s.nodes {
		s.index[n] = i
	}
}

// shut closes a picker that is not used any more.
func (t *target) shut(p balance.Picker) {
	c, ok := p.(io.Closer)
	if !ok {
		return
	}
	if err := c.Close(); err != nil {
		t.client.config.Logger.Warn("closing a picker failed", "service", t.service, "error", err)
	}
}

// shutLast is for the end, when nothing calls update any more.
func (t *target) shutLast() {
	t.mu.Lock()
	last := t.last
	t.last = nil
	t.mu.Unlock()
	t.shut(last)
}

// wait returns the current snapshot; the first one it waits for.
func (t *target) wait(ctx context.Context) (*snapshot, error) {
	s := t.snapshot.Load()
	if s == nil {
		select {
		case <-t.ready:
		case <-ctx.Done():
			return nil, rpcx.Unsent(rpcx.CodeOf(ctx.Err()), "client: find servers of %s: %w", t.service, context.Cause(ctx))
		}
		s = t.snapshot.Load()
	}
	switch {
	case s == nil:
		t.mu.Lock()
		err := t.err
		t.mu.Unlock()
		return nil, unsentBecause(err, t.service)
	case len(s.nodes) == 0:
		return nil, s.nobody(t.service)
	default:
		return s, nil
	}
}

var errWatchEnded = errors.New("the discovery ended its watch and did not say why")

func unsentBecause(err error, service string) error {
	if rpcx.SafeToRetry(err) {
		return err
	}
	code := rpcx.CodeOf(err)
	if code == rpcx.Unknown {
		code = rpcx.Unavailable
	}
	return rpcx.Unsent(code, "client: find servers of %s: %w", service, err)
}

// fit reports whether nothing is known that speaks against a server.
func (s *snapshot) fit(i int) bool {
	return s.nodes[i].usable() && (s.vitals == nil || !s.vitals[i].sick.Load())
}

// pick chooses a server that was not tried, a usable one if there is any. It returns
// nil when all were tried.
func (s *snapshot) pick(ctx context.Context, call *rpcx.Call, tried []*node) *node {
	usable := s.usable
	if len(tried) > 0 {
		usable = func(i int) bool { return !slices.Contains(tried, s.nodes[i]) && s.fit(i) }
	}
	if i := s.picker.Pick(ctx, call, usable); i >= 0 {
		return s.nodes[i]
	}
	untried := func(i int) bool { return !slices.Contains(tried, s.nodes[i]) }
	if i := s.picker.Pick(ctx, call, untried); i >= 0 {
		return s.nodes[i]
	}
	return nil
}
