// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx"
)

// Thousands of callers may wait at a time, and what each of them holds meanwhile has gone
// cold when it is woken: to fetch it again costs more than all that is done with it. So the
// first attempt of a call, which mostly is the only one, is made straight: what sends it has
// returned before the wait begins. What is kept is a begun. If the attempt fails, the fail mode
// goes on from there, as if it had made the attempt itself.
//
// A call that nobody is around, neither interceptors nor an observer, keeps nothing else: what
// it was made with is in use for the next call by then. If its attempt fails it is made up
// again, and goes the way that all others go, beginning with this outcome.

// begun is a first attempt that is made straight.
type begun struct {
	target *target
	node   *node // nil: it has not begun
	permit permit
	conn   *Conn     // nil: none could be had
	sent   *pending  // nil: it was not
	err    error     // how it failed
	until  time.Time // the deadline, if the call has one of its own
}

// failed returns what is to be known of an attempt that was made and failed, nil for others.
func (b *begun) failed() *begun {
	if b.err == nil {
		return nil
	}
	kept := *b
	return &kept
}

// straight makes the call with run, and its first attempt before that.
func (a *attempts) straight(ctx context.Context, run failFunc) error {
	if a.direct() {
		var b begun
		if a.launch(ctx, &b); b.sent != nil && a.land(ctx, &b) {
			return nil
		}
		a.begun = b.failed()
	}
	return run(ctx, a)
}

// direct reports whether nothing is in the way of a first attempt that is made straight.
func (a *attempts) direct() bool {
	s := a.target.snapshot.Load()
	return s != nil && s.tracker == nil && a.begun == nil && !a.out.call.Oneway && a.out.raw == nil
}

// launch sends a call to a server that it chooses. What may take time, like finding out who
// the servers are, has not begun then.
func (a *attempts) launch(ctx context.Context, b *begun) {
	n, permit, err := a.next(ctx)
	if err != nil {
		return
	}
	b.target, b.node, b.permit = a.target, n, permit
	if b.conn, b.err = n.conn(ctx); b.err != nil {
		return
	}
	a.out.attempt++
	if a.client.config.Observer != nil {
		b.sent, b.err = a.out.postObserved(ctx, b.conn)
	} else {
		b.sent, _, b.err = a.out.post(ctx, b.conn)
	}
}

// land waits for the reply and reports whether it has come.
func (a *attempts) land(ctx context.Context, b *begun) bool {
	o := a.out
	if a.client.config.Observer != nil {
		b.err = o.fetchObserved(b.conn, b.sent, b.conn.await(o.told.ctx, b.sent))
	} else {
		_, b.err = o.fetch(ctx, b.conn, b.sent, b.conn.await(ctx, b.sent))
	}
	if b.err == nil {
		a.client.guard.ended(b.target, b.node, &o.call, b.permit, nil)
	}
	return b.err == nil
}

// brief reports whether nothing of the call must be known after its first attempt.
func (o *outgoing) brief() bool {
	c := &o.options
	return c.trailer == nil && c.trailerToo == nil && c.peer == nil && !c.waitForReady
}

// launch is that of attempts for a call that nobody is around. o may be recycled afterwards.
func (c *Client) launch(ctx context.Context, o *outgoing, b *begun) {
	if c.configErr != nil || c.closed.Load() {
		return
	}
	t, err := c.target(o.servers())
	if err != nil {
		return
	}
	a := newAttempts(c, o, t)
	if !a.direct() {
		return
	}
	ctx = c.prepare(ctx, o)
	if o.options.timeout != 0 {
		if !lasting(ctx) {
			return
		}
		ctx, _ = o.limit(ctx)
		b.until, _ = ctx.Deadline()
	}
	if a.launch(ctx, b); b.node != nil {
		c.budget.earn()
	}
}

// passed notes that the attempt has succeeded, and with it the call.
func (c *Client) passed(b *begun, service, method string) {
	if !b.node.passed(b.permit) {
		c.credit(b, service, method)
	}
}

// credit tells the guard of success. It is apart because most calls do without.
//
//go:noinline
func (c *Client) credit(b *begun, service, method string) {
	c.guard.ended(b.target, b.node, &rpcx.Call{Service: service, Method: method}, b.permit, nil)
}
