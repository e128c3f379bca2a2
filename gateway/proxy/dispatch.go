// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
)

// Dispatch makes a call: on a server of m.Service, as the modes say, with the payload as it
// is. It implements gateway.Dispatcher, for forms of call of one's own; all rules hold but
// those about requests of HTTP. peer is who makes it. The deadline is that of ctx, of the
// metadata, or of Config.Timeout, whichever is earliest. A one-way call has been made once
// a connection has taken it.
//
// The reply is never nil. Its metadata is there with an error as well, but for pairs that
// belong to the protocol. Errors are *rpcx.Error: what a service said is Remote, others say
// no more than a stranger may know.
func (p *Proxy) Dispatch(ctx context.Context, peer rpcx.Peer, m *protocol.Message) (*protocol.Message, error) {
	if err := p.refusal(m.Service, m.Method); err != nil {
		p.tell(peer, err)
		return new(protocol.Message), err
	}
	return p.dispatch(ctx, peer, m, m.Service)
}

// refusal says why a method cannot be called, whatever the registry knows.
func (p *Proxy) refusal(service, method string) error {
	limit := p.config.Client.Limits.WithDefaults().Name
	switch {
	case len(service) > limit, len(method) > limit:
		return rpcx.Errorf(rpcx.InvalidArgument, "gateway: name of more than %d bytes", limit).NotExecuted()
	case !isName(service), service == reserved:
		return unknown(service)
	case !p.allows(service, method):
		return p.disallowed(service, method)
	default:
		return nil
	}
}

// dispatch makes a call that is allowed, on a server of the given service.
func (p *Proxy) dispatch(ctx context.Context, peer rpcx.Peer, m *protocol.Message, of string) (*protocol.Message, error) {
	out := new(protocol.Message)
	if p.closed.Load() {
		return out, errClosed
	}
	v, _ := ctx.Value(visitKey{}).(*visit)
	if v == nil {
		v = new(visit)
	}
	call, release, err := p.prepare(v, peer, m)
	if err != nil {
		p.tell(peer, err)
		return out, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, p.budget(m.Metadata))
	defer cancel()
	s, err := p.services.enter(ctx, caller(peer), of)
	if err != nil {
		p.tell(peer, err)
		return out, err
	}
	defer p.services.leave(s)
	return out, p.observed(ctx, peer, call, out, of)
}

// prepare returns a call as it is passed on, or says why it is not. release is to be called
// when it has ended.
func (p *Proxy) prepare(v *visit, peer rpcx.Peer, m *protocol.Message) (call *protocol.Message, release func(), err error) {
	if !v.paid.CompareAndSwap(true, false) {
		if err := p.limits.charge(peer); err != nil {
			return nil, nil, err
		}
	}
	c := *m
	c.Metadata = p.forwarded(m.Metadata).Merge(v.adds)
	limits := p.config.Client.Limits.WithDefaults()
	if c.Metadata.Size() > limits.Metadata-room || c.Metadata.Len() >= limits.Pairs {
		return nil, nil, rpcx.Errorf(rpcx.InvalidArgument, "gateway: metadata of more than %d bytes or %d pairs",
			limits.Metadata-room, limits.Pairs-1).NotExecuted()
	}
	c.Payload, release, err = p.plain(m)
	c.Compress = p.config.Client.CompressType
	return &c, release, err
}

// room is what the client adds to the metadata: how much time is left.
const room = 64

// reserved is the service of the protocol's own, by which peers say what is true of their
// connection: which is not that of whoever calls by HTTP.
const reserved = "_rpcx"

// unknown is the error of a call of a service that there is none of, in the words of rpcx.
func unknown(service string) error {
	return rpcx.Errorf(rpcx.Unimplemented, "rpcx: can't find service %s", service).NotExecuted()
}

// budget is how much time a call has.
func (p *Proxy) budget(md rpcx.Metadata) time.Duration {
	ms, err := strconv.ParseInt(md.Get(timeoutKey), 10, 64)
	if err != nil || ms > math.MaxInt64/int64(time.Millisecond) {
		return p.config.Timeout // as servers do
	}
	return min(time.Duration(max(ms, 0))*time.Millisecond, p.config.Timeout)
}

// send passes a call on and fills in what came back.
func (p *Proxy) send(ctx context.Context, call, out *protocol.Message, of string) error {
	var trailer rpcx.Metadata
	_, payload, err := p.client.SendRaw(ctx, call, client.WithTrailer(&trailer), client.ToServersOf(of))
	out.Metadata = answered(trailer)
	if err != nil {
		return p.public(ctx, call, err)
	}
	out.Payload = payload
	return nil
}
