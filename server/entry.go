// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// Dispatch serves a call that did not come as a frame: it is what gateways hand calls to.
// Whatever holds for frames holds for it: the list of addresses, limits, authentication
// with the token in m's metadata, interceptors, observers, the deadline in the metadata
// or of ctx, whichever is earlier, and recovery from panics. The handler's context has
// the values of ctx and ends with it.
//
// m is the call as a frame would carry it; its payload is used until Dispatch returns,
// and its heartbeat and response bits are not looked at. peer is who makes it. A one-way
// call is waited for as well, only that there is nothing in its reply.
//
// The reply is never nil. Its payload is not compressed, and its metadata is there with
// an error as well. The error is what a caller over frames would get, a *rpcx.Error.
// After Close calls are refused.
func (s *Server) Dispatch(ctx context.Context, peer rpcx.Peer, m *protocol.Message) (*protocol.Message, error) {
	in := s.receiveOutside(ctx, peer, m)
	if err := ctx.Err(); err != nil {
		in.End(err)
	}
	defer context.AfterFunc(ctx, func() { in.End(ctx.Err()) })()
	defer context.AfterFunc(s.calling, func() { in.End(context.Canceled) })()
	if err := in.letIn(); err != nil {
		return in.answer(s.herald.refused(in, err))
	}
	done := false
	defer func() {
		s.workers.unreserve()
		if !done { // the handler has ended the goroutine
			in.vanish(errGoexit)
		}
	}()
	err := in.checkNames()
	if err == nil {
		err = in.serve(m.Payload)
	}
	done = true
	return in.answer(err)
}

// receiveOutside is receive for calls that did not come as frames.
func (s *Server) receiveOutside(ctx context.Context, peer rpcx.Peer, m *protocol.Message) *inbound {
	in := newWhole(&Conn{server: s, peer: peer, outside: ctx})
	in.head, in.meta, in.requestBytes = m.Header, m.Metadata, len(m.Payload)
	in.call = rpcx.Call{
		Side:    rpcx.ServerSide,
		Service: m.Service,
		Method:  m.Method,
		Header:  m.Metadata,
		Oneway:  m.Oneway,
		Peer:    peer,
	}
	in.setOutsideDeadline(ctx)
	in.method, in.service = (*s.table.Load()).lookup([]byte(m.Service), []byte(m.Method))
	if in.method == nil {
		in.method = s.reroute(m.Service, m.Method)
	}
	return in
}

// setOutsideDeadline makes the call end when its metadata or ctx says, whichever is
// earlier.
func (in *inbound) setOutsideDeadline(ctx context.Context) {
	arrived := time.Now()
	budget, limited := parseBudget(in.meta.Get(timeoutKey))
	if at, ok := ctx.Deadline(); ok {
		if left := max(at.Sub(arrived), 0); !limited || left < budget {
			budget, limited = left, true
		}
	}
	if limited {
		in.budget = budget
		in.SetDeadline(arrived.Add(budget))
	}
}

var errServerClosed = rpcx.Errorf(rpcx.Unavailable, "%w", ErrServerClosed).NotExecuted()

// letIn takes a place for a call that did not come as a frame, or says why it may not run.
func (in *inbound) letIn() error {
	s := in.conn.server
	if s.calling.Err() != nil {
		return errServerClosed
	}
	if !s.permits(in.call.Peer.Addr) {
		return errNotPermitted.NotExecuted()
	}
	if err := s.rate.charge(in); err != nil {
		return err
	}
	if in.method != nil {
		if err := in.enter(); err != nil {
			return err
		}
	}
	if !s.workers.reserve() {
		return errOverloaded
	}
	return nil
}

// checkNames holds the call against the limits that a frame is held against when it is
// read.
func (in *inbound) checkNames() error {
	limits := &in.conn.server.config.limits
	switch {
	case len(in.call.Service) > limits.Name, len(in.call.Method) > limits.Name:
		return rpcx.Errorf(rpcx.InvalidArgument, "server: name of more than %d bytes", limits.Name).NotExecuted()
	case in.meta.Size() > limits.Metadata, in.meta.Len() > limits.Pairs:
		return rpcx.Errorf(rpcx.InvalidArgument, "server: metadata of more than %d bytes or %d pairs", limits.Metadata, limits.Pairs).NotExecuted()
	default:
		return nil
	}
}

// answer ends the call and returns what goes back.
func (in *inbound) answer(err error) (*protocol.Message, error) {
	out := &protocol.Message{Header: in.head, Service: in.call.Service, Method: in.call.Method}
	out.Type, out.Compress, out.Status = protocol.Response, protocol.None, protocol.Normal
	if err == nil && !in.head.Oneway {
		out.Payload, err = in.payloadOutside()
	}
	block, _ := in.call.Trailer.AppendBinary(in.finish()) // never fails
	out.Metadata, _ = protocol.ParseMetadata(block)       // well formed as it was made
	in.exit()
	in.End(context.Canceled)
	if in.observed != nil {
		in.stopObserving(err)
	}
	if err == nil {
		return out, nil
	}
	out.Status, out.Payload = protocol.Error, nil
	wire, _ := protocol.ParseMetadata(in.wireError(err)) // as above
	return out, rpcx.FromWire(wire)
}

// payloadOutside returns the encoded reply.
func (in *inbound) payloadOutside() (payload []byte, err error) {
	defer in.recoverTo(&err) // codecs call the user's types
	payload, err = in.appendPayload(nil)
	in.replyBytes = len(payload)
	return payload, err
}

// value is Value for a call that did not come as a frame.
func (c *Conn) value(key any) any {
	if _, ok := key.(connKey); ok {
		return (*Conn)(nil)
	}
	if v := c.outside.Value(key); v != nil {
		return v
	}
	return c.server.config.base.Value(key)
}
