// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"slices"
	"strings"

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
	cut    error // why there was no further attempt, if the context ended during a pause
}

func newAttempts(c *Client, o *outgoing, t *target) *attempts {
	a := &o.attempts // with the call, to save an allocation
	a.client, a.out, a.target = c, o, t
	a.tried = a.few[:0]
	a.errs, a.cut = nil, nil // of an earlier turn, when an interceptor makes the call again
	return a
}

// elsewhere makes an attempt on a server that was not tried yet. When all were it
// forgets that and begins again.
func (a *attempts) elsewhere(ctx context.Context) error {
	s, err := a.target.wait(ctx)
	if err != nil {
		return a.note(err)
	}
	n := s.pick(ctx, &a.out.call, a.tried)
	if n == nil {
		a.tried = a.tried[:0]
		n = s.pick(ctx, &a.out.call, nil)
	}
	if n == nil {
		return a.note(s.nobody(a.target.service))
	}
	a.tried = append(a.tried, n)
	return a.on(ctx, n)
}

// reach is elsewhere for a call that goes on to the next server when one cannot be
// reached: nothing ran there, so it does not count as tried, under any fail mode.
func (a *attempts) reach(ctx context.Context) error {
	for {
		err := a.elsewhere(ctx)
		if err == nil || !unreached(err) || ctx.Err() != nil || a.last() == nil || !a.untried() {
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
			return a.on(ctx, n)
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

// attemptOn is on without the policy. A connection that stops taking calls between
// choosing and using it is not the call's affair: another one is taken.
func (a *attempts) attemptOn(ctx context.Context, n *node) error {
	for replaced := 0; ; replaced++ {
		conn, err := n.conn(ctx)
		if err != nil {
			return a.note(err)
		}
		a.out.conn = conn
		a.out.attempt++
		if a.client.attemptChain != nil {
			err = a.client.attemptChain(ctx, &a.out.call)
		} else {
			err = a.out.send(ctx, conn)
		}
		if err == nil {
			return nil
		}
		if replaced < replacements && !conn.usable() && rpcx.SafeToRetry(err) && !remote(err) && ctx.Err() == nil {
			continue
		}
		return a.note(err)
	}
}

// attemptChained is the innermost link of the interceptors around an attempt.
func attemptChained(ctx context.Context, call *rpcx.Call) error {
	o, err := fromContext(ctx)
	if err != nil {
		return err
	}
	o.take(call)
	err = o.send(ctx, o.conn)
	o.give(call)
	return err
}

// pause waits before another attempt. When ctx ends first it returns that as the last
// error of the call.
func (a *attempts) pause(ctx context.Context, round int) error {
	if err := a.client.config.retry.Wait(ctx, round); err != nil {
		a.cut = rpcx.Unsent(rpcx.CodeOf(err), "client: pause before another attempt: %w", context.Cause(ctx))
	}
	return a.cut
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
		return code == rpcx.Unavailable && !a.out.options.nonIdempotent
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
	if last == nil || len(a.errs) == 1 && a.cut == nil || remote(last) {
		return last
	}
	safe := true
	for _, err := range a.errs {
		safe = safe && rpcx.SafeToRetry(err)
	}
	errorf := rpcx.Errorf
	if safe {
		errorf = rpcx.Unsent
	}
	return errorf(rpcx.CodeOf(last), "client: call %s.%s failed %d times: %w",
		a.out.call.Service, a.out.call.Method, len(a.errs), distinct(append(a.errs, a.cut)))
}

// distinct joins errors, those with the same text once.
func distinct(errs []error) error {
	var kept []error
	seen := make(map[string]bool, len(errs))
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			kept = append(kept, err)
		}
	}
	return errors.Join(kept...)
}
