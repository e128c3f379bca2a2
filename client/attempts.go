// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
)

// attempts is what a fail mode works with: one call, the servers that it was sent to
// and how that ended.
type attempts struct {
	client *Client
	out    *outgoing
	target *target
	tried  []*node  // since all had been
	few    [4]*node // what tried begins with
	errs   []error
	cut    error // why there was no further attempt: the context ended, or the retry budget
	stuck  bool  // no server may be called
	at     atomic.Pointer[node]
	begun  *begun // the first attempt, if it was made straight; nil once that is known
}

func newAttempts(c *Client, o *outgoing, t *target) *attempts {
	a := &o.attempts // with the call, to save an allocation
	a.client, a.out, a.target = c, o, t
	a.tried = a.few[:0]
	a.at.Store(nil)
	a.errs, a.cut, a.stuck = nil, nil, false // of an earlier turn, when an interceptor makes the call again
	if a.begun != nil {
		a.tried = append(a.tried, a.begun.node)
	}
	return a
}

// elsewhere makes an attempt on a server that was not tried yet. When all were it
// forgets that and begins again.
func (a *attempts) elsewhere(ctx context.Context) error {
	n, p, err := a.next(ctx)
	if err != nil {
		return a.note(err)
	}
	return a.guarded(ctx, n, p)
}

// next chooses the server of an attempt elsewhere.
func (a *attempts) next(ctx context.Context) (*node, permit, error) {
	if b := a.begun; b != nil {
		return b.node, b.permit, nil
	}
	a.stuck = false
	s, err := a.target.wait(ctx)
	if err != nil {
		return nil, permit{}, err
	}
	if a.client.guard.refused(s, &a.out.call) {
		a.stuck = true
		return nil, permit{}, a.barred()
	}
	n, p := a.choose(ctx, s)
	if n == nil {
		a.tried = a.tried[:0]
		n, p = a.choose(ctx, s)
	}
	if n == nil {
		return nil, permit{}, s.nobody(a.target.service)
	}
	n, p = a.relieve(ctx, s, n, p)
	a.tried = append(a.tried, n)
	a.at.Store(n)
	return n, p, nil
}

func (a *attempts) barred() error {
	return rpcx.Unsent(rpcx.Unavailable, "client: call %s.%s: its circuit breaker is open on every server",
		a.out.call.Service, a.out.call.Method)
}

// reach is elsewhere for a call that goes on to the next server when one cannot be
// reached or refuses it unexecuted: nothing ran there, so it does not count as tried,
// under any fail mode.
func (a *attempts) reach(ctx context.Context) error {
	for {
		err := a.elsewhere(ctx)
		if err == nil || !unreached(err) || ctx.Err() != nil || a.stuck || a.last() == nil || !a.untried() {
			return err
		}
		if !a.afford(err) {
			return err
		}
	}
}

// again makes another attempt on the server of the last one, or on another one if
// that is not a server of the service any more.
func (a *attempts) again(ctx context.Context) error {
	if n := a.last(); n != nil {
		select {
		case <-n.closed:
		default:
			p, _ := n.breakers.permit(&a.out.call)
			return a.guarded(ctx, n, p)
		}
	}
	return a.elsewhere(ctx)
}

func (a *attempts) last() *node {
	if len(a.tried) == 0 {
		return nil
	}
	return a.tried[len(a.tried)-1]
}

// untried reports whether there is a server that this call was not sent to.
func (a *attempts) untried() bool {
	s := a.target.snapshot.Load()
	if s == nil {
		return false
	}
	for _, n := range s.nodes {
		if !slices.Contains(a.tried, n) {
			return true
		}
	}
	return false
}

// replacements is how many connections that stopped taking calls one attempt passes
// over. A server that accepts connections only to close them must not hold it up.
const replacements = 3

// on makes one attempt on a server. A connection that stops taking calls between
// choosing and using it is not the call's affair: another one is taken.
func (a *attempts) on(ctx context.Context, n *node) error {
	for replaced := 0; ; replaced++ {
		conn, err := a.try(ctx, n)
		if err == nil {
			return nil
		}
		if conn == nil {
			return a.note(err)
		}
		if replaced < replacements && !conn.usable() && rpcx.SafeToRetry(err) && !remote(err) && ctx.Err() == nil {
			continue
		}
		return a.note(err)
	}
}

// try makes one attempt on a connection to a server, or takes the one that was made straight.
// There is no connection if none could be had.
func (a *attempts) try(ctx context.Context, n *node) (*Conn, error) {
	if b := a.begun; b != nil {
		a.begun = nil
		return b.conn, b.err
	}
	o := a.out
	if o.sent.Load() > 0 {
		return nil, errLeft
	}
	conn, err := n.conn(ctx)
	if err != nil {
		return nil, err
	}
	o.attempt++
	if a.client.attemptChain != nil {
		return conn, a.intercepted(ctx, conn)
	}
	return conn, o.send(ctx, conn)
}

// longestPause is the most that a server's wish for a pause is heeded.
const longestPause = 10 * time.Second

// delay returns how long to wait before another attempt: a random time that grows with
// the rounds, or longer if the server of the last one asked for it. It reports false when
// ctx ends before that: then there is no use in waiting.
func (a *attempts) delay(ctx context.Context, round int) (time.Duration, bool) {
	d := a.client.config.retry.Delay(round)
	wish := d
	var e *rpcx.Error
	if len(a.errs) > 0 && errors.As(a.errs[len(a.errs)-1], &e) {
		wish = max(d, e.Pause())
		d = max(d, min(e.Pause(), longestPause))
	}
	at, limited := ctx.Deadline()
	return d, !limited || wish < time.Until(at)
}

// pause waits before another attempt. When ctx ends first it returns that as the last error
// of the call.
func (a *attempts) pause(ctx context.Context, d time.Duration) error {
	a.cut = a.sleep(ctx, d)
	return a.cut
}

// sleep waits before another attempt, until ctx ends or the client is closed.
func (a *attempts) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-a.client.ctx.Done():
		return errClosed
	case <-ctx.Done():
		return rpcx.Unsent(rpcx.CodeOf(ctx.Err()), "client: pause before another attempt: %w", context.Cause(ctx))
	}
}

var errBudget = errors.New("not tried again: retry budget exhausted; see Option.RetryBudget")

// afford pays for sending the call again after err. When the server saw nothing of the
// failed attempt that is free.
func (a *attempts) afford(err error) bool {
	ev := rpcx.Event{Kind: rpcx.CallRetried, Service: a.out.call.Service, Method: a.out.call.Method, Err: err}
	switch {
	case a.cut != nil:
		return false
	case rpcx.SafeToRetry(err) && !remote(err):
		return true
	}
	if !a.client.budget.spend(a.crisis()) {
		ev.Kind, a.cut = rpcx.RetryDenied, errBudget
	}
	a.client.events.tell(ev)
	return a.cut == nil
}

// anew pays for the call when an interceptor makes it again, since servers had too much to do
// or failed. It returns the error of the call if that cannot be paid.
func (a *attempts) anew() error {
	if len(a.errs) == 0 {
		return nil
	}
	a.cut = nil
	err := a.errs[len(a.errs)-1]
	switch rpcx.CodeOf(err) {
	case rpcx.ResourceExhausted, rpcx.Unavailable, rpcx.DeadlineExceeded:
		if !a.afford(err) {
			return a.result(err)
		}
	default:
	}
	return nil
}

// crisis reports whether the method fails on all servers.
func (a *attempts) crisis() bool {
	s := a.target.snapshot.Load()
	return s != nil && a.client.guard.openEverywhere(s, &a.out.call)
}

func (a *attempts) note(err error) error {
	a.errs = append(a.errs, err)
	return err
}

// unreached reports whether err means that the server could not be reached, so that
// trying another one repeats nothing.
func unreached(err error) bool {
	return rpcx.SafeToRetry(err) && rpcx.CodeOf(err) == rpcx.Unavailable
}

// repeatable reports whether the fail modes that try again may do so after err: the
// call did not run and may fare better elsewhere, or it may have run and the caller
// did not say that this matters.
func (a *attempts) repeatable(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil {
		return false
	}
	switch code := rpcx.CodeOf(err); {
	case rpcx.SafeToRetry(err) && remote(err):
		return code == rpcx.Unavailable || code == rpcx.ResourceExhausted || code == rpcx.Unimplemented && a.elsewhereMayKnow(err)
	case rpcx.SafeToRetry(err):
		return code == rpcx.Unavailable
	case remote(err):
		return false
	default:
		return code == rpcx.Unavailable && !a.once()
	}
}

// once reports whether executing the call twice does harm.
func (a *attempts) once() bool {
	switch o, call := a.out.options.repeating, &a.out.call; o {
	case harmless, harmful:
		return o == harmful
	default:
		return slices.ContainsFunc(a.client.config.NonIdempotent, func(name string) bool {
			return name == "*" || name == call.Service+".*" || name == call.Service+"."+call.Method
		})
	}
}

// elsewhereMayKnow reports whether another server may have what this one can't find.
// Its "can't find" must name what was called: it may be the answer of a server further
// on, which a classic handler passes on as it is.
func (a *attempts) elsewhereMayKnow(err error) bool {
	text := err.Error()
	about := strings.HasSuffix(text, " "+a.out.call.Service) || strings.HasSuffix(text, " "+a.out.call.Method)
	return about && a.client.mode == Failover && a.untried()
}

func remote(err error) bool {
	var e *rpcx.Error
	return errors.As(err, &e) && e.Remote()
}

// result is the error of the call as a whole, nil for success. It tells of every
// attempt, and that the call did not run only if none of them ran it.
func (a *attempts) result(last error) error {
	if last == nil || len(a.errs) == 1 && a.cut == nil {
		return last
	}
	safe := true
	for _, err := range a.errs {
		safe = safe && rpcx.SafeToRetry(err)
	}
	if remote(last) && a.cut == nil && (safe || !rpcx.SafeToRetry(last)) {
		return last
	}
	errorf := rpcx.Errorf
	if safe {
		errorf = rpcx.Unsent
	}
	all := distinct(append(a.errs, a.cut))
	if len(a.errs) == 1 {
		return errorf(rpcx.CodeOf(last), "%w", all).WithPause(pauseOf(last))
	}
	return errorf(rpcx.CodeOf(last), "client: call %s.%s failed %d times: %w",
		a.out.call.Service, a.out.call.Method, len(a.errs), all).WithPause(pauseOf(last))
}

func pauseOf(err error) time.Duration {
	var e *rpcx.Error
	if errors.As(err, &e) {
		return e.Pause()
	}
	return 0
}
