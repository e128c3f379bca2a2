// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx"
)

// told is what an observer is told of a call and of the attempt under way. It is valid
// while that lasts, so that one serves all attempts.
type told struct {
	call, attempt rpcx.CallInfo
	end, outcome  rpcx.CallResult // of each: an interceptor may end the call before its attempt

	ctx    context.Context //nolint:containedctx // of the attempt
	header rpcx.Metadata   // of the call: an attempt may have another one
}

// telling returns what the observer is told.
func (o *outgoing) telling() *told {
	if o.told == nil {
		o.told = new(told)
	}
	return o.told
}

// clock notes that the call has begun.
func (o *outgoing) clock() {
	if o.now.IsZero() {
		o.now = time.Now()
	}
}

// startCall tells the observer that the call begins. It returns the context to make it with.
func (o *outgoing) startCall(ctx context.Context, observer rpcx.Observer) context.Context {
	t := o.telling()
	t.call = o.info(0)
	o.clock()
	return observer.CallStart(ctx, &t.call)
}

// endCall tells it how the call ended.
func (o *outgoing) endCall(ctx context.Context, observer rpcx.Observer, err error) {
	o.told.end = rpcx.CallResult{Err: err, Duration: time.Since(o.now)}
	observer.CallEnd(ctx, &o.told.call, &o.told.end)
}

// startAttempt tells the observer that an attempt begins. It returns the context to make it
// with, and how it ended unless somebody says otherwise.
func (o *outgoing) startAttempt(ctx context.Context, c *Conn) (context.Context, *rpcx.CallResult) {
	t := o.telling()
	t.attempt, t.outcome, t.header = o.info(o.attempt), rpcx.CallResult{Err: errPanic}, o.call.Header
	t.attempt.Peer = c.peer
	o.clock()
	o.began = time.Since(o.now)
	t.ctx = c.config.Observer.CallStart(ctx, &t.attempt)
	o.call.Header = t.attempt.Header
	return t.ctx, &t.outcome
}

// endAttempt tells it how the attempt ended.
func (o *outgoing) endAttempt(c *Conn) {
	t := o.told
	t.outcome.Duration = time.Since(o.now) - o.began
	o.call.Header = t.header
	c.config.Observer.CallEnd(t.ctx, &t.attempt, &t.outcome)
}

// sendObserved is send with an observer.
func (o *outgoing) sendObserved(ctx context.Context, c *Conn) error {
	if o.raw != nil {
		ctx, result := o.startAttempt(ctx, c)
		defer o.endAttempt(c)
		result.RequestBytes, result.ReplyBytes, result.Err = o.exchangeRaw(ctx, c)
		return result.Err
	}
	p, err := o.postObserved(ctx, c)
	if p == nil {
		return err
	}
	return o.fetchObserved(c, p, c.await(o.told.ctx, p))
}

// postObserved is post with an observer, which is told of the end by fetchObserved if there
// is something to wait for.
func (o *outgoing) postObserved(ctx context.Context, c *Conn) (p *pending, err error) {
	ctx, result := o.startAttempt(ctx, c)
	defer func() {
		if p == nil {
			o.endAttempt(c)
		}
	}()
	p, result.RequestBytes, result.Err = o.post(ctx, c)
	return p, result.Err
}

// fetchObserved is fetch with an observer.
func (o *outgoing) fetchObserved(c *Conn, p *pending, complete bool) error {
	defer o.endAttempt(c)
	result := &o.told.outcome
	result.Err = errPanic // unless fetch returns
	result.ReplyBytes, result.Err = o.fetch(o.told.ctx, c, p, complete)
	return result.Err
}

func (o *outgoing) info(attempt int) rpcx.CallInfo {
	return rpcx.CallInfo{
		Side:    rpcx.ClientSide,
		Service: o.call.Service,
		Method:  o.call.Method,
		Oneway:  o.call.Oneway,
		Attempt: attempt,
		Header:  o.call.Header,
	}
}
