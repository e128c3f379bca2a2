// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/breaker"
)

// guard keeps calls away from servers that fail: it tells circuit breakers and the
// ejection of outliers how attempts end, and asks them before a server is chosen. While
// nothing is kept away that costs a call a few atomic loads.
type guard struct {
	breaker  Breaker
	config   breaker.Config
	ejection Ejection
	events   *events

	barred  atomic.Int32 // breakers that are open, servers that are ejected, methods that servers are too busy for
	judging sync.Mutex   // so that two servers are not ejected where one may be
}

func newGuard(b Breaker, e Ejection, ev *events) *guard {
	return &guard{
		breaker: b,
		config: breaker.Config{
			Consecutive: b.Failures, Rate: b.Rate, Window: b.Window,
			Pause: b.Pause, MaxPause: max(b.MaxPause, b.Pause),
		},
		ejection: e,
		events:   ev,
	}
}

// choose picks a server that was not tried: one that nothing speaks against if there is
// any, and otherwise one that calls would be kept away from. The permit goes with it.
func (a *attempts) choose(ctx context.Context, s *snapshot) (*node, permit) {
	g, call := a.client.guard, a.out.picked()
	if g.barred.Load() == 0 {
		n := s.pick(ctx, call, a.tried)
		if n == nil {
			return nil, permit{}
		}
		p, _ := n.breakers.permit(call)
		return n, p
	}
	g.readmit(s.nodes)
	luck := rand.Float64() // one for all servers, so that those which refuse alike get alike
	open := func(i int) bool {
		return s.fit(i) && s.nodes[i].open(call, luck) && !slices.Contains(a.tried, s.nodes[i])
	}
	for range s.nodes { // another call may take the probe first
		i := s.picker.Pick(ctx, call, open)
		if i < 0 {
			break
		}
		if p, ok := s.nodes[i].breakers.permit(call); ok {
			return s.nodes[i], p
		}
	}
	n := s.pick(ctx, call, a.tried)
	if n == nil {
		return nil, permit{}
	}
	p, _ := n.breakers.permit(call)
	return n, p
}

// open reports whether nothing is known that keeps a call away from the server. luck, below
// 1, decides for one that is too busy.
func (n *node) open(call *rpcx.Call, luck float64) bool {
	return !n.record.out() && n.breakers.ready(call) && n.shedding.part(call) > luck
}

// refused reports whether a call must not be made because the breakers of its method
// are open on all servers.
func (g *guard) refused(s *snapshot, call *rpcx.Call) bool {
	return g.breaker.Refuse && g.openEverywhere(s, call)
}

// openEverywhere reports whether the breakers of a method are open on all servers.
func (g *guard) openEverywhere(s *snapshot, call *rpcx.Call) bool {
	return g.barred.Load() > 0 && !slices.ContainsFunc(s.nodes, func(n *node) bool { return n.breakers.ready(call) })
}

// readmit lets ejected servers return whose time has come, and forgets who was too busy.
func (g *guard) readmit(nodes []*node) {
	now := time.Now()
	for _, n := range nodes {
		if over := n.shedding.tidy(now); over > 0 {
			g.bar(n, -over)
		}
		if n.record.admit(now) {
			g.bar(n, -1)
			g.events.tell(rpcx.Event{Kind: rpcx.ServerReturned, Server: n.key})
		}
	}
}

// guarded makes one attempt on a server and notes how it ends. A policy that learns is
// told of it; any other one costs nothing here.
func (a *attempts) guarded(ctx context.Context, n *node, p permit) (err error) {
	if tracker, i := a.target.tracker(n); tracker != nil {
		err = a.tracked(ctx, n, tracker, i)
	} else {
		err = a.on(ctx, n)
	}
	a.client.guard.ended(a.target, n, &a.out.call, p, err)
	return err
}

// ended notes how an attempt ended.
func (g *guard) ended(t *target, n *node, call *rpcx.Call, p permit, err error) {
	if err == nil && n.passed(p) {
		return
	}
	switch outcome := verdict(err); outcome {
	case breaker.Failure:
		g.failed(t, n, call, p, err)
	case breaker.Success:
		n.record.pass()
		n.shedding.take(call)
		fallthrough
	default:
		if !g.breaker.Off && tooBusy(err) && n.shedding.refuse(call) {
			g.bar(n, 1)
		}
		if p.breaker != nil {
			g.hear(n, call, p, outcome, nil)
		}
	}
}

// passed notes an attempt that did not fail. It reports false, and notes nothing, if there is
// more to note than that.
func (n *node) passed(p permit) bool {
	if p.breaker != nil || n.shedding.methods.Load() != 0 {
		return false
	}
	n.record.pass()
	return true
}

// tooBusy reports whether err is that of a server which had too much to do to run the call.
func tooBusy(err error) bool {
	return rpcx.CodeOf(err) == rpcx.ResourceExhausted && rpcx.SafeToRetry(err) && remote(err)
}

// verdict is what the end of an attempt says about its server.
func verdict(err error) breaker.Outcome {
	switch {
	case err == nil:
		return breaker.Success
	case rpcx.SafeToRetry(err) && (!remote(err) || rpcx.CodeOf(err) != rpcx.Unavailable):
		return breaker.Unknown // it did not run, which is not the server's fault
	}
	if unreadable := (undecoded{}); errors.As(err, &unreadable) {
		return breaker.Success // an answer, and perhaps a caller that is wrong about its type
	}
	switch rpcx.CodeOf(err) {
	case rpcx.DeadlineExceeded, rpcx.Unavailable, rpcx.Internal:
		return breaker.Failure
	case rpcx.Canceled:
		return breaker.Unknown
	default:
		return breaker.Success // an answer, whatever it says
	}
}

// hear tells the breaker how a call ended that it allowed.
func (g *guard) hear(n *node, call *rpcx.Call, p permit, o breaker.Outcome, err error) {
	ev := rpcx.Event{Service: call.Service, Method: call.Method, Server: n.key, Err: err}
	switch p.breaker.Done(p.ticket, o) {
	case breaker.Opened:
		if !n.breakers.hold(call, p.breaker) {
			return // it was dropped meanwhile, and nobody asks it any more
		}
		g.bar(n, 1)
		ev.Kind = rpcx.BreakerOpened
	case breaker.Reclosed:
		g.bar(n, -1)
		n.breakers.remove(call, p.breaker)
		ev.Kind = rpcx.BreakerClosed
	default:
		return
	}
	g.events.tell(ev)
}

// failed notes a call that failed.
func (g *guard) failed(t *target, n *node, call *rpcx.Call, p permit, err error) {
	if p.breaker == nil && !g.breaker.Off && n.breakers.of(call) == nil {
		if p.breaker = n.breakers.create(call, g.config); p.breaker != nil {
			p.ticket, _ = p.breaker.Allow()
		}
	}
	if p.breaker != nil {
		g.hear(n, call, p, breaker.Failure, err)
	}
	if g.ejection.Off {
		return
	}
	now := time.Now()
	n.record.fail(now)
	g.judge(t, n, call, now, err)
}

// judge ejects a server if it does much worse than the others of the service.
func (g *guard) judge(t *target, n *node, call *rpcx.Call, now time.Time, err error) {
	s := t.snapshot.Load()
	if s == nil || !slices.Contains(s.nodes, n) {
		return
	}
	records := make([]*record, len(s.nodes))
	for i, n := range s.nodes {
		records[i] = &n.record
	}
	g.judging.Lock()
	eject := outlier(&n.record, records, now, g.ejection.MaxPercent) && n.record.eject(now, &g.ejection)
	g.judging.Unlock()
	if eject {
		g.bar(n, 1)
		g.events.tell(rpcx.Event{Kind: rpcx.ServerEjected, Service: call.Service, Method: call.Method, Server: n.key, Err: err})
	}
}

// bar counts what is kept away from a server.
func (g *guard) bar(n *node, delta int32) {
	n.bars.mu.Lock()
	defer n.bars.mu.Unlock()
	n.bars.count += delta
	if !n.bars.left {
		g.barred.Add(delta)
	}
}

// forget takes a server that has left the list out of the count.
func (g *guard) forget(n *node) {
	n.bars.mu.Lock()
	defer n.bars.mu.Unlock()
	g.barred.Add(-n.bars.count)
	n.bars.left = true // calls that are still on it no longer count
}

// bars counts what keeps calls away from a server.
type bars struct {
	mu    sync.Mutex // guards what follows
	count int32
	left  bool
}
