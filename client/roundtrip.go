// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"strconv"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/protocol"
)

// Metadata keys of rpcx that a client writes.
const (
	authKey    = "__AUTH"
	timeoutKey = "__ServerTimeout"
)

// smallRequest is the buffer that a request begins with.
const smallRequest = 1 << 10

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
	if !c.await(ctx, p) && c.giveUp(p) {
		return nil, sent, r.ended(ctx, c, false)
	}
	switch {
	case p.late:
		c.leave(p)
		return nil, sent, r.ended(ctx, c, false)
	case p.err != nil:
		err := c.interrupted(r, p.err, p.pos)
		p.free()
		return nil, sent, err
	}
	return p, sent, nil
}

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
			r.now = time.Now()
		}
		r.left, r.now = at.Sub(r.now), time.Time{}
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
	var done <-chan struct{}
	if p.due == 0 {
		done = ctx.Done()
	}
	if done == nil { // select would do, at a higher price
		<-p.done
		return true
	}
	select {
	case <-p.done:
		return true
	case <-done:
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

// ended is the error of a call whose context ended.
func (r *request) ended(ctx context.Context, c *Conn, unsent bool) error {
	if unsent {
		return rpcx.Unsent(rpcx.CodeOf(ctx.Err()), "client: call %s.%s on %s was not sent: %w", r.service, r.method, c.addr, context.Cause(ctx))
	}
	return rpcx.Errorf(rpcx.CodeOf(ctx.Err()), "client: call %s.%s on %s: %w", r.service, r.method, c.addr, context.Cause(ctx))
}

// encode encodes the request into a buffer of its own and returns the length of its
// payload as well. The user's code runs here, in the caller's goroutine and under no
// lock.
func (c *Conn) encode(r *request, seq uint64) (*bufpool.Buffer, int, error) {
	h := protocol.Header{Oneway: r.oneway, Serialize: r.serialize, Seq: seq}
	if r.raw != nil {
		h = r.raw.Header
		h.Type, h.Heartbeat, h.Compress, h.Status, h.Seq = protocol.Request, false, protocol.None, protocol.Normal, seq
	}
	b := c.out.Buffer(smallRequest)
	var mark protocol.Mark
	b.B, mark = protocol.AppendHead(b.B, &h, r.service, r.method)
	b.B, _ = r.metadata.AppendBinary(b.B) // never fails
	if r.auth != "" {
		b.B = protocol.AppendPair(b.B, authKey, r.auth)
	}
	if r.left > 0 {
		b.B = appendTimeout(b.B, r.left)
	}
	b.B = mark.EndMetadata(b.B)
	err := c.appendPayload(b, &mark, r)
	if err == nil {
		err = c.complete(b, &mark, r)
	}
	if err != nil {
		b.Free()
		return nil, 0, err
	}
	return b, len(b.B) - mark.PayloadStart(), nil
}

// complete fills in the lengths of the request and holds it against our own limits: a
// server with the same ones would close the connection, with everybody's calls.
func (c *Conn) complete(b *bufpool.Buffer, mark *protocol.Mark, r *request) error {
	err := mark.Finish(b.B)
	if err == nil {
		var f protocol.Frame
		err = f.Parse(b.B, &c.config.Limits)
	}
	if err != nil {
		return c.unsent(rpcx.ResourceExhausted, r.service, r.method, err)
	}
	return nil
}

// appendTimeout appends what is left until the deadline, in whole milliseconds; at
// least one, for none would mean that the call expired.
func appendTimeout(block []byte, left time.Duration) []byte {
	ms := max(int64((left+time.Millisecond-1)/time.Millisecond), 1)
	var digits [20]byte // FormatInt would allocate
	return protocol.AppendPair(block, timeoutKey, string(strconv.AppendInt(digits[:0], ms, 10)))
}

// appendPayload appends the encoded arguments, compressed where that is wanted.
func (c *Conn) appendPayload(b *bufpool.Buffer, mark *protocol.Mark, r *request) error {
	if r.raw != nil {
		b.B = append(b.B, r.raw.Payload...)
		return c.deflate(b, mark, r)
	}
	enc := c.config.codecs.Lookup(r.serialize)
	if enc == nil {
		return c.unsent(rpcx.InvalidArgument, r.service, r.method, errorf("no codec for %s; add it to Option.Codecs", r.serialize))
	}
	out, err := enc.Append(b.B, r.args)
	if err != nil {
		return c.unsent(rpcx.InvalidArgument, r.service, r.method, err)
	}
	b.B = out
	return c.deflate(b, mark, r)
}

func (c *Conn) deflate(b *bufpool.Buffer, mark *protocol.Mark, r *request) error {
	if r.compress == protocol.None {
		return nil
	}
	z := c.config.compressors.Lookup(r.compress)
	if z == nil {
		return c.unsent(rpcx.InvalidArgument, r.service, r.method, errorf("no compressor for %s; add it to Option.Compressors", r.compress))
	}
	payload := b.B[mark.PayloadStart():]
	if len(payload) <= compress.Threshold || !c.caps.Load().Inflates(z) {
		return nil
	}
	packed := bufpool.Get(len(payload))
	defer packed.Free()
	var err error
	if packed.B, err = z.Compress(packed.B, payload); err != nil {
		return c.unsent(rpcx.Internal, r.service, r.method, err)
	}
	b.B = append(b.B[:mark.PayloadStart()], packed.B...)
	mark.SetCompress(b.B, z.ID())
	return nil
}

// decode decodes the payload of a reply into v, within the limits.
func (c *Conn) decode(p *pending, v any) error {
	if len(p.payload) == 0 {
		return nil // an empty payload leaves the reply untouched, as in rpcx
	}
	if err := c.inflate(p); err != nil {
		return err
	}
	dec := c.config.codecs.Lookup(p.head.Serialize)
	if dec == nil {
		return rpcx.Errorf(rpcx.Unimplemented, "unsupported codec: number %d", p.head.Serialize)
	}
	if err := dec.Unmarshal(p.payload, v); err != nil {
		return rpcx.Errorf(rpcx.Internal, "decode reply: %w", err)
	}
	return nil
}

// inflateGuess is how much room a reply gets before anything of it is decompressed.
const inflateGuess = 64 << 10

// inflate decompresses the payload of a reply, within the limits.
func (c *Conn) inflate(p *pending) error {
	if len(p.payload) == 0 || p.head.Compress == protocol.None {
		return nil
	}
	z := c.config.compressors.Lookup(p.head.Compress)
	if z == nil {
		return rpcx.Errorf(rpcx.Unimplemented, "unsupported compressor: number %d", p.head.Compress)
	}
	b := bufpool.Get(min(4*len(p.payload), inflateGuess))
	out, err := z.Decompress(b.B, p.payload, c.config.Limits.Payload)
	if err != nil {
		b.Free()
		return rpcx.Errorf(rpcx.DataLoss, "decompress reply: %w", err)
	}
	b.B = out
	p.replace(b)
	p.head.Compress = protocol.None
	return nil
}
