// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx"
)

// Thousands of callers may wait at a time, and what each of them holds meanwhile has gone
// cold when it is woken: to fetch it again costs more than all that is done with it. So a
// call that nobody is around, neither interceptors nor an observer, makes its first attempt
// straight: what sends it has returned, and what it was made with is in use for the next
// call, before the wait begins. What is kept is a begun. If the attempt fails, the call is
// made up again, and goes the way that all others go, beginning with this outcome.

// begun is a first attempt that is made straight.
type begun struct {
	target *target
	node   *node
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

// brief reports whether the call has nothing that must be known after the first attempt.
func (o *outgoing) brief() bool {
	c := &o.options
	return !o.call.Oneway && c.trailer == nil && c.trailerToo == nil && c.peer == nil && !c.waitForReady
}

// launch sends a call to a server that it chooses. It leaves what may take time to others:
// then it has not begun. o may be recycled afterwards.
func (c *Client) launch(ctx context.Context, o *outgoing, b *begun) {
	if c.configErr != nil || c.ctx.Err() != nil {
		return
	}
	t, err := c.target(o.servers())
	if err != nil {
		return
	}
	if s := t.snapshot.Load(); s == nil || s.tracker != nil {
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
	a := newAttempts(c, o, t)
	b.target = t
	b.node, b.permit, err = a.next(ctx)
	if err != nil {
		return
	}
	c.budget.earn()
	b.conn, b.err = b.node.conn(ctx)
	if b.err == nil {
		b.sent, _, b.err = o.post(ctx, b.conn)
	}
}

// land reports whether the reply has come that await has waited for. Then the call is over.
func (c *Client) land(ctx context.Context, b *begun, complete bool, service, method string, reply any) bool {
	_, _, b.err = b.conn.fetch(ctx, b.sent, complete, service, method, reply)
	if b.err == nil && !b.node.passed(b.permit) {
		c.credit(b, service, method)
	}
	return b.err == nil
}

// credit tells the guard of success. It is apart because most calls do without.
//
//go:noinline
func (c *Client) credit(b *begun, service, method string) {
	c.guard.ended(b.target, b.node, &rpcx.Call{Service: service, Method: method}, b.permit, nil)
}
