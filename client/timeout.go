// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx/internal/deadline"
)

// timed is the context of a call with a time-out of its own whose caller's context
// cannot end: what almost every call has, so it is made cheap. Nobody but the call's own
// goroutine waits for its end, and that needs no channel and no goroutine: see await.
type timed struct {
	deadline.Context

	parent context.Context //nolint:containedctx // it is a context
}

// Value implements context.Context.
func (t *timed) Value(key any) any { return t.parent.Value(key) }

// limit is context.WithTimeout with the time-out of the call, at a lower price where that
// is possible: then there is no cancel, and the context is o.own, which the caller ends.
func (o *outgoing) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if !lasting(ctx) {
		return context.WithTimeout(ctx, o.options.timeout)
	}
	if o.own.parent != nil {
		return &o.own, nil // the call was launched, and did not begin
	}
	o.own.parent = ctx
	if b := o.attempts.begun; b != nil {
		o.own.SetDeadline(b.until)
	} else {
		o.now = time.Now()
		o.own.SetDeadline(o.now.Add(o.options.timeout))
	}
	return &o.own, nil
}

// unlimit undoes limit, unless an interceptor has returned and let something run: that has the
// time that the call had.
func (o *outgoing) unlimit(cancel context.CancelFunc) {
	if o.runs.Load() > 0 {
		return
	}
	if cancel != nil {
		cancel()
		return
	}
	o.own.End(context.Canceled)
}

// lasting reports whether a context cannot end.
func lasting(ctx context.Context) bool {
	_, limited := ctx.Deadline()
	return !limited && ctx.Done() == nil
}

// bounds reports whether ctx ends with the deadline of t and with nothing else, for as
// long as the call lasts that t belongs to. That of another call may end any time.
func (t *timed) bounds(ctx context.Context) bool {
	if a, ok := ctx.(*attempt); ok {
		ctx = a.Context
	}
	if o, ok := ctx.(*outgoing); ok {
		ctx = o.Context
	}
	own, ok := ctx.(*timed)
	return ok && own == t
}
