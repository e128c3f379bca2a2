// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"math"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// outgoing is one call on its way, as interceptors have it. It is the context that they
// get as well, so that the innermost function finds it again.
type outgoing struct {
	context.Context //nolint:containedctx // it is a context

	call rpcx.Call
	own  timed        // the context of a call with a time-out
	runs atomic.Int32 // functions that interceptors were given, and that run; negative: no more may
	sent atomic.Int32 // those of them around an attempt that send the call itself and no copy
	*work
}

// overForAll is what runs is when the call has ended.
const overForAll = math.MinInt32 / 2

// work is the part of a call that nobody sees but the client and, while the call lasts,
// its observer. So it is used again, even where others may have kept the call.
type work struct {
	options  callConfig
	run      failFunc // instead of the client's fail mode; nil: that
	auth     string
	now      time.Time // when the call began, if that is of interest
	attempts attempts
	launched bool // a first attempt was to be made straight before the call got here
	attempt  int
	began    time.Duration            // when the current attempt did, since the call did; 0: it is not known
	last     *attempts                // at the call, or at a copy, when an interceptor made it last; nil: they succeeded
	copied   atomic.Pointer[outgoing] // that an interceptor passed on; it has ended
	told     *told                    // what the observer is; nil: there is none

	raw    *protocol.Message // a frame of the user's, instead of arguments
	answer *protocol.Message // and its answer
}

type outgoingKey struct{}

// Value implements context.Context.
func (o *outgoing) Value(key any) any {
	if _, ok := key.(outgoingKey); ok {
		return o
	}
	return o.Context.Value(key)
}

var (
	errForeign = rpcx.Unsent(rpcx.Internal, "client: an interceptor passed on a context that is not the call's")
	errOver    = rpcx.Unsent(rpcx.Internal, "client: an interceptor passed a call on that had ended")
)

// enter finds the call that an interceptor was given ctx for. Who has it leaves it.
func enter(ctx context.Context) (*outgoing, error) {
	o, ok := ctx.Value(outgoingKey{}).(*outgoing)
	switch {
	case !ok:
		return nil, errForeign
	case o.runs.Add(1) < 0:
		o.leave()
		return nil, errOver
	default:
		return o, nil
	}
}

func (o *outgoing) leave() { o.runs.Add(-1) }

// end lets nobody enter the call any more. It reports false if somebody has not left it: an
// interceptor has returned and let that run.
func (o *outgoing) end() bool { return o.runs.CompareAndSwap(0, overForAll) }

// newOutgoing prepares a call. A nil reply makes it one-way, as in rpcx.
func newOutgoing(ctx context.Context, service, method string, args, reply any, opts []CallOption) *outgoing {
	o := newWhole()
	o.init(ctx, opts)
	o.ask(service, method, args, reply)
	return o
}

// newWhole returns an empty call with its work, which takes one allocation.
func newWhole() *outgoing {
	both := new(struct {
		outgoing
		work
	})
	both.outgoing.work = &both.work
	return &both.outgoing
}

// init prepares an empty call, and ask says what is called. They are two because their arguments
// together would lie on the stack of every caller.
func (o *outgoing) init(ctx context.Context, opts []CallOption) {
	o.Context = ctx
	o.options.set(opts)
	o.call.Header = rpcx.OutgoingMetadata(ctx).Merge(o.options.metadata)
}

func (o *outgoing) ask(service, method string, args, reply any) {
	o.call.Side = rpcx.ClientSide
	o.call.Service, o.call.Method = service, method
	o.call.Args, o.call.Reply = args, reply
	o.call.Oneway = reply == nil
}

// finish ends the call, and stores what the caller asked for besides the reply. It reports
// false, and stores nothing, if an interceptor has let something run: that has it all.
func (o *outgoing) finish() bool {
	if !o.end() {
		return false
	}
	for _, md := range [...]*rpcx.Metadata{o.options.trailer, o.options.trailerToo} {
		if md != nil {
			*md = o.call.Trailer
		}
	}
	if o.options.peer != nil {
		*o.options.peer = o.call.Peer
	}
	return true
}

// serializeType is the encoding of the call's arguments.
func (o *outgoing) serializeType(config *resolved) protocol.SerializeType {
	switch {
	case o.options.serializeSet:
		return o.options.serialize
	case config.SerializeType != 0:
		return config.SerializeType
	case plainBytes(o.call.Args) && (o.call.Reply == nil || plainBytes(o.call.Reply)):
		return protocol.SerializeNone
	default:
		return protocol.MsgPack
	}
}

func plainBytes(v any) bool {
	switch v.(type) {
	case []byte, *[]byte:
		return true
	default:
		return false
	}
}

func (o *outgoing) compressType(config *resolved) protocol.CompressType {
	if o.options.compressSet {
		return o.options.compress
	}
	return config.CompressType
}

// exchange sends the call on a connection and decodes the answer: one attempt,
// without what is around it.
func (o *outgoing) exchange(ctx context.Context, c *Conn) (requestBytes, replyBytes int, err error) {
	if o.raw != nil {
		return o.exchangeRaw(ctx, c)
	}
	p, sent, err := o.post(ctx, c)
	if p == nil {
		return sent, 0, err
	}
	received, err := o.fetch(ctx, c, p, c.await(ctx, p))
	return sent, received, err
}

// post sends the call. It returns what is to be awaited, nil if nothing is. The number of
// payload bytes that were sent comes back in any case.
func (o *outgoing) post(ctx context.Context, c *Conn) (p *pending, sent int, err error) {
	o.call.Peer, o.call.Trailer = c.peer, rpcx.Metadata{}
	if err := o.checkReply(c); err != nil {
		return nil, 0, err
	}
	return c.dispatch(ctx, &request{
		service: o.call.Service, method: o.call.Method, oneway: o.call.Oneway,
		metadata: o.call.Header, auth: o.auth, args: o.call.Args,
		serialize: o.serializeType(c.config), compress: o.compressType(c.config),
		own: &o.own, now: o.attemptBegan(),
	})
}

// attemptBegan is when the current attempt began, zero if that is not known.
func (o *outgoing) attemptBegan() time.Time {
	if o.began == 0 {
		return time.Time{}
	}
	return o.now.Add(o.began)
}

// fetch is Conn.fetch for the call.
func (o *outgoing) fetch(ctx context.Context, c *Conn, p *pending, complete bool) (received int, err error) {
	received, o.call.Trailer, err = c.fetch(ctx, p, complete, o.call.Service, o.call.Method, o.call.Reply)
	return received, err
}

func (o *outgoing) exchangeRaw(ctx context.Context, c *Conn) (requestBytes, replyBytes int, err error) {
	o.call.Peer, o.call.Trailer = c.peer, rpcx.Metadata{}
	o.answer, err = c.sendRaw(ctx, &o.own, o.raw, o.call.Header, o.auth)
	if o.answer != nil {
		o.call.Trailer, replyBytes = o.answer.Metadata, len(o.answer.Payload)
	}
	return len(o.raw.Payload), replyBytes, err
}

// checkReply refuses a reply that nothing can be decoded into, before the call runs.
func (o *outgoing) checkReply(c *Conn) error {
	if o.call.Oneway {
		return nil
	}
	if v := reflect.ValueOf(o.call.Reply); v.Kind() != reflect.Pointer || v.IsNil() {
		return c.unsent(rpcx.InvalidArgument, o.call.Service, o.call.Method,
			errorf("the reply is a %T, want a pointer that is not nil, or nil for a one-way call", o.call.Reply))
	}
	return nil
}

// send is exchange with its observer.
func (o *outgoing) send(ctx context.Context, c *Conn) error {
	if c.config.Observer != nil {
		return o.sendObserved(ctx, c)
	}
	_, _, err := o.exchange(ctx, c)
	return err
}
