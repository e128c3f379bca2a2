// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"sync"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
)

// do makes a call: timeout, observer, interceptors, fail mode.
func (c *Client) do(ctx context.Context, o *outgoing) (err error) {
	if c.configErr != nil {
		return c.configErr
	}
	ctx = c.prepare(ctx, o)
	if o.options.timeout != 0 {
		var cancel context.CancelFunc
		ctx, cancel = o.limit(ctx)
		defer o.unlimit(cancel)
	}
	if c.config.Observer != nil {
		ctx = o.startCall(ctx, c.config.Observer)
		defer func() { o.endCall(ctx, c.config.Observer, err) }()
		err = errPanic // unless it returns
	}
	switch {
	case c.chain == nil && c.attemptChain == nil:
		err = c.deliver(ctx, o)
	case c.chain == nil:
		o.Context = ctx
		err = c.deliver(o, o)
	default:
		o.Context, o.attempts.client = ctx, c
		err = c.chain(o, &o.call)
		o.adoptCopy(o.copied.Swap(nil))
	}
	return err
}

// prepare adds what the client and the options of the call know of it.
func (c *Client) prepare(ctx context.Context, o *outgoing) context.Context {
	if token := c.token.Load(); token != nil {
		o.auth = *token
	}
	if o.options.hashKey != "" {
		ctx = balance.WithKey(ctx, o.options.hashKey)
	}
	return ctx
}

// chained is the innermost link of the interceptors around a call.
func chained(ctx context.Context, call *rpcx.Call) error {
	o, err := enter(ctx)
	if err != nil {
		return err
	}
	defer o.leave()
	if o.last != nil {
		if err := o.last.anew(); err != nil {
			return err
		}
	}
	c := o.attempts.client
	if call == &o.call {
		o.copied.Store(nil) // what is passed on last counts
		return o.outcome(o, c.deliver(ctx, o))
	}
	t := copied(ctx, o, *call)
	t.run, t.attempt = o.run, o.attempt
	err = o.outcome(t, c.deliver(t, t))
	*call, o.attempt = t.call, t.attempt
	o.copied.Store(t)
	return err
}

// outcome notes how it ended that t was made for the call: what has failed is paid for if an
// interceptor makes it again.
func (o *outgoing) outcome(t *outgoing, err error) error {
	o.last = nil
	if err != nil {
		o.last = &t.attempts
	}
	return err
}

// deliver finds the service and runs the fail mode.
func (c *Client) deliver(ctx context.Context, o *outgoing) error {
	if c.closed.Load() && o.attempts.begun == nil { // what has begun ends as it did
		return errClosed
	}
	run, err := c.mode.run()
	if err != nil {
		return err
	}
	if o.run != nil {
		run = o.run
	}
	if o.attempts.begun == nil {
		c.budget.earn()
	}
	for {
		t, err := c.targetOf(o)
		if err != nil {
			return err
		}
		a := newAttempts(c, o, t)
		switch {
		case o.options.waitForReady:
			err = waitForReady(ctx, a, run)
		case c.straight && o.run == nil && !o.launched:
			err = a.straight(ctx, run)
		default:
			err = run(ctx, a)
		}
		if !t.overtaken(ctx, err) {
			return err
		}
	}
}

// targetOf returns the target of the call.
func (c *Client) targetOf(o *outgoing) (*target, error) {
	if b := o.attempts.begun; b != nil {
		return b.target, nil
	}
	return c.target(o.servers())
}

// servers is the service whose servers the call goes to.
func (o *outgoing) servers() string {
	if of := o.options.serversOf; of != "" {
		return of
	}
	return o.call.Service
}

// What calls were made of, for use by others, of any client: the less there is of it, the
// more likely it is in the processor's cache.
var (
	spare sync.Pool //nolint:gochecknoglobals // of *outgoing; a cache that nobody can observe
	desks sync.Pool //nolint:gochecknoglobals // of *work, likewise
)

// newCall returns an empty call, made of used parts if there are any.
func (c *Client) newCall() *outgoing {
	if c.private {
		if o, ok := spare.Get().(*outgoing); ok {
			return o
		}
		return newWhole()
	}
	w, ok := desks.Get().(*work)
	if !ok {
		w = new(work) // apart, so that it does not keep the call
	}
	return &outgoing{work: w}
}

// recycle keeps a call that has succeeded, and is finished, for another one, unless there were
// attempts on goroutines of their own. If it was in the hands of interceptors or an observer,
// who may have kept it, only what they have not seen.
func (c *Client) recycle(o *outgoing) {
	if o.run != nil || c.mode == Failbackup {
		return
	}
	w := o.work
	if w.told != nil {
		*w.told = told{}
	}
	*w = work{told: w.told}
	switch {
	case !c.private:
		o.work = nil
		desks.Put(w)
	case o.own.Untouched():
		*o = outgoing{work: w}
		spare.Put(o)
	default:
		o.own.End(context.Canceled) // its timer would keep the call
	}
}
