// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// Metadata keys of rpcx that a client writes.
const (
	authKey    = "__AUTH"
	timeoutKey = "__ServerTimeout"
)

// request is what one attempt sends.
type request struct {
	service, method string
	metadata        rpcx.Metadata
	auth            string
	serialize       protocol.SerializeType
	compress        protocol.CompressType
	oneway          bool
	args            any
	raw             *protocol.Message // instead of args: a frame of the user's

	own  *timed        // the call's; nil: there is none
	now  time.Time     // when it begins, for dispatch; zero: not known
	left time.Duration // until the deadline; 0: there is none. Set by dispatch, as is
	due  time.Duration // the deadline as expiry counts; 0: it is the context that ends the call
}

// roundTrip sends a request and waits for the reply, which the caller owns and must
// free. It returns no reply for a one-way request, which is done when the connection
// has taken it. The number of payload bytes that were sent comes back in any case.
func (c *Conn) roundTrip(ctx context.Context, r *request) (reply *pending, sent int, err error) {
	p, sent, err := c.dispatch(ctx, r)
	if p == nil {
		return nil, sent, err
	}
	if complete := c.await(ctx, p); !complete || !p.answered() {
		p, err = c.settle(ctx, p, complete, r.service, r.method)
	}
	return p, sent, err
}

// settle is what comes after await for a call without a reply. It gives p back, and
// returns it all the same if the reply has come meanwhile.
func (c *Conn) settle(ctx context.Context, p *pending, complete bool, service, method string) (*pending, error) {
	r := request{service: service, method: method}
	if !complete && c.giveUp(p) {
		return nil, r.ended(ctx, c, false)
	}
	switch {
	case p.late:
		c.leave(p)
		return nil, r.expired(c)
	case p.err != nil:
		err := c.interrupted(&r, p.err, p.pos)
		p.free()
		return nil, err
	}
	return p, nil
}

// fetch decodes the reply to a call that await has waited for, or says why there is none. A caller
// is deepest in its stack here: a little more, and those of thousands take twice the memory.
func (c *Conn) fetch(ctx context.Context, p *pending, complete bool, service, method string, reply any) (received int, trailer rpcx.Metadata, err error) {
	if !complete || !p.answered() {
		p, err = c.settle(ctx, p, complete, service, method)
		if p == nil {
			return 0, rpcx.Metadata{}, err
		}
	}
	received, trailer = len(p.payload), p.meta
	dec, err := c.decoder(p)
	if dec != nil {
		err = dec.Unmarshal(p.payload, reply) // if it panics p is left to the collector
	}
	if err != nil || p.head.Status == protocol.Error {
		err = c.failed(p, dec != nil, service, method, err)
	}
	p.free()
	return received, trailer, err
}

// failed is the error of a call whose reply says that it failed, or could not be decoded for err.
func (c *Conn) failed(p *pending, garbled bool, service, method string, err error) error {
	if p.head.Status == protocol.Error {
		return rpcx.FromWire(p.meta) // it is the answer; the reply beside it is a courtesy
	}
	if garbled {
		err = rpcx.Errorf(rpcx.Internal, "decode reply: %w", err)
	}
	return rpcx.Errorf(rpcx.CodeOf(err), "client: call %s.%s on %s: %w", service, method, c.addr, undecoded{err})
}

// undecoded is why a reply could not be decoded.
type undecoded struct{ error }

// Unwrap returns what the decoder said.
func (u undecoded) Unwrap() error { return u.error }

// dispatch is roundTrip without the wait. It is apart because what is on the stack of
// those who wait is multiplied by their number.
func (c *Conn) dispatch(ctx context.Context, r *request) (p *pending, sent int, err error) {
	if !c.inTime(ctx, r) {
		return nil, 0, r.ended(ctx, c, true)
	}
	c.look(ctx)
	if r.oneway {
		sent, err = c.sendOneway(ctx, r)
		return nil, sent, err
	}
	if !c.usable() {
		return nil, 0, c.unsent(rpcx.Unavailable, r.service, r.method, c.refusal())
	}
	if c.calls.len() >= c.config.MaxPending {
		return nil, 0, c.unsent(rpcx.ResourceExhausted, r.service, r.method, errTooManyPending)
	}
	seq := c.calls.nextSeq()
	b, sent, err := c.encode(r, seq) // before the call is noted: the user's code may panic
	if err != nil {
		return nil, 0, err
	}
	if p = c.calls.add(seq, r.due); p == nil {
		b.Free()
		return nil, 0, c.unsent(rpcx.Unavailable, r.service, r.method, c.refusal())
	}
	if !c.usable() { // it may have been drained before it knew of this call
		b.Free()
		c.abandon(p)
		return nil, 0, c.unsent(rpcx.Unavailable, r.service, r.method, c.refusal())
	}
	if p.due != 0 {
		c.expiry.expect(p.due)
	}
	if p.pos, err = c.out.Add(ctx, b, c.calls.len() > 1); err != nil {
		c.abandon(p)
		if ctx.Err() != nil {
			return nil, 0, r.ended(ctx, c, true)
		}
		return nil, 0, c.unsent(rpcx.Unavailable, r.service, r.method, err)
	}
	return p, sent, nil
}

// inTime reports whether there is time for the request, and notes how much.
func (c *Conn) inTime(ctx context.Context, r *request) bool {
	r.left, r.due = 0, 0
	at, limited := ctx.Deadline()
	if limited {
		if r.now.IsZero() {
			r.left = time.Until(at)
		} else {
			r.left, r.now = at.Sub(r.now), time.Time{}
		}
		if r.own.bounds(ctx) {
			r.due = c.expiry.at(at)
			return r.left > 0
		}
		r.left = max(r.left, 1) // a context may be past its deadline and not have noticed
	}
	return ctx.Err() == nil
}

// await waits for the completion of p. It reports false if ctx ended first.
func (c *Conn) await(ctx context.Context, p *pending) bool {
	if c.reading.take() {
		return c.readFor(ctx, p)
	}
	if p.due != 0 || ctx.Done() == nil { // select would do, at a higher price
		<-p.done
		return true
	}
	return p.wait(ctx)
}

// wait waits for the completion of p, or the end of ctx. It is apart, like dispatch.
//
//go:noinline
func (p *pending) wait(ctx context.Context) bool {
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// abandon takes back a call that was not sent.
func (c *Conn) abandon(p *pending) {
	if c.calls.take(p.seq) == nil {
		<-p.done // the connection ended, or its time was up
	}
	p.free()
	c.closeIfDrained()
}

// giveUp takes back a call that was sent. It reports false if the reply came first; the
// call is then complete.
func (c *Conn) giveUp(p *pending) bool {
	if c.calls.take(p.seq) == nil {
		<-p.done
		return false
	}
	c.leave(p)
	return true
}

// leave tells the server, if it understands that, that nobody waits for the reply to a
// call which is out of the table.
func (c *Conn) leave(p *pending) {
	seq := p.seq
	p.free()
	c.cancels.add(c, seq)
	c.closeIfDrained()
}

// sendOneway sends a request that is not answered and waits until the connection
// has taken it.
func (c *Conn) sendOneway(ctx context.Context, r *request) (int, error) {
	c.calls.hold() // a drained connection is not closed under it
	defer func() {
		c.calls.release()
		c.closeIfDrained()
	}()
	if !c.usable() {
		return 0, c.unsent(rpcx.Unavailable, r.service, r.method, c.refusal())
	}
	b, sent, err := c.encode(r, c.calls.nextSeq())
	if err != nil {
		return 0, err
	}
	pos, err := c.out.Add(ctx, b, false)
	if err == nil {
		err = c.out.Wait(ctx, pos)
	} else {
		pos = -1
	}
	switch {
	case err == nil:
		return sent, nil
	case ctx.Err() != nil:
		return sent, r.ended(ctx, c, pos < 0)
	case pos < 0:
		return 0, c.unsent(rpcx.Unavailable, r.service, r.method, err)
	default:
		return sent, c.interrupted(r, err, pos)
	}
}

// refusal says why the connection takes no new calls.
func (c *Conn) refusal() error {
	if err := c.Err(); err != nil {
		return err
	}
	return errDrained
}

// interrupted is the error of a call whose connection ended before the reply. If the
// request was still in our hands it certainly did not run.
func (c *Conn) interrupted(r *request, reason error, pos int64) error {
	code := rpcx.CodeOf(reason)
	if code == rpcx.Unknown { // a write error as package net gives it
		code = rpcx.Unavailable
	}
	if !c.out.Sent(pos) {
		return rpcx.Unsent(code, "client: call %s.%s on %s was not sent: %w", r.service, r.method, c.addr, reason)
	}
	return rpcx.Errorf(code, "client: call %s.%s on %s: outcome unknown: %w", r.service, r.method, c.addr, reason)
}

// expired is the error of a call that has been told so by expiry.
func (r *request) expired(c *Conn) error {
	return rpcx.Errorf(rpcx.DeadlineExceeded, "client: call %s.%s on %s: %w", r.service, r.method, c.addr, context.DeadlineExceeded)
}

// ended is the error of a call whose context ended.
func (r *request) ended(ctx context.Context, c *Conn, unsent bool) error {
	if unsent {
		return rpcx.Unsent(rpcx.CodeOf(ctx.Err()), "client: call %s.%s on %s was not sent: %w", r.service, r.method, c.addr, context.Cause(ctx))
	}
	return rpcx.Errorf(rpcx.CodeOf(ctx.Err()), "client: call %s.%s on %s: %w", r.service, r.method, c.addr, context.Cause(ctx))
}
