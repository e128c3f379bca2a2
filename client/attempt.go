// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
)

// attempt is one attempt at a call that has interceptors around its attempts. It is the context
// that they get, so that the innermost function finds it again.
type attempt struct {
	context.Context //nolint:containedctx // it is a context

	conn   *Conn
	number int
	runs   atomic.Int32             // as that of the call
	copied atomic.Pointer[outgoing] // that an interceptor passed on; it has ended
}

type attemptKey struct{}

// Value implements context.Context.
func (t *attempt) Value(key any) any {
	if _, ok := key.(attemptKey); ok {
		return t
	}
	return t.Context.Value(key)
}

var errLeft = rpcx.Unsent(rpcx.Internal, "client: not tried again: an interceptor around the attempt "+
	"has returned before that ended; it has to wait, or pass on a copy of the call")

// intercepted makes an attempt on a connection, with the interceptors around it.
func (a *attempts) intercepted(ctx context.Context, conn *Conn) error {
	o := a.out
	o.call.Peer, o.call.Trailer = conn.peer, rpcx.Metadata{}
	t := &attempt{Context: ctx, conn: conn, number: o.attempt}
	err := a.client.attemptChain(t, &o.call)
	t.runs.Add(overForAll) // it is over also if some run
	o.adoptCopy(t.copied.Load())
	return err
}

// attemptChained is the innermost link of the interceptors around an attempt.
func attemptChained(ctx context.Context, call *rpcx.Call) error {
	o, err := enter(ctx)
	if err != nil {
		return err
	}
	t, ok := ctx.Value(attemptKey{}).(*attempt)
	switch {
	case !ok:
		o.leave()
		return errForeign
	case call == &o.call:
		return t.send(ctx, o)
	}
	c := copied(ctx, o, *call)
	o.leave() // the call may end meanwhile, and has no part in this
	return t.sendCopy(ctx, c, call)
}

// send sends the call itself, which has been entered.
func (t *attempt) send(ctx context.Context, o *outgoing) error {
	o.sent.Add(1)
	defer o.leave()
	defer o.sent.Add(-1)
	defer t.runs.Add(-1)
	if t.runs.Add(1) < 0 {
		return errOver
	}
	t.copied.Store(nil) // what is passed on last counts
	return o.send(ctx, t.conn)
}

// sendCopy sends c, which is made of a copy of the call.
func (t *attempt) sendCopy(ctx context.Context, c *outgoing, call *rpcx.Call) error {
	defer t.runs.Add(-1)
	if t.runs.Add(1) < 0 {
		return errOver
	}
	c.attempt = t.number
	err := c.send(ctx, t.conn)
	*call = c.call
	t.copied.Store(c)
	return err
}
