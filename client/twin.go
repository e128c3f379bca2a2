// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"reflect"

	"github.com/rpcx-go/rpcx"
)

// errBeaten ends an attempt whose call has succeeded on another server.
var errBeaten = errors.New("client: another server was faster")

// twin is a copy of a call that is sent beside it: with a reply, metadata and history of
// its own, so that nothing is written to twice. The arguments are shared. Whoever starts
// one waits for its end, for the arguments are the caller's again when the call returns.
func twin(ctx context.Context, of *outgoing, call rpcx.Call) *outgoing {
	o := copied(ctx, of, call)
	o.call.Reply = another(call.Reply)
	return o
}

// copied is a call of its own for a copy that an interceptor passes on. So the call stays as the
// interceptor has it, also if that returns before the copy has ended.
func copied(ctx context.Context, of *outgoing, call rpcx.Call) *outgoing {
	return &outgoing{Context: ctx, call: call, work: &work{options: of.options, auth: of.auth, raw: of.raw}}
}

// another returns a new value of the type of a reply. What is no pointer to a value is
// returned as it is: the attempt will refuse it.
func another(reply any) any {
	if v := reflect.ValueOf(reply); v.Kind() == reflect.Pointer && !v.IsNil() {
		return reflect.New(v.Type().Elem()).Interface()
	}
	return reply
}

// adopt makes the outcome of a twin that of the call.
func (o *outgoing) adopt(t *outgoing) {
	if v := reflect.ValueOf(o.call.Reply); v.Kind() == reflect.Pointer && !v.IsNil() && o.call.Reply != t.call.Reply {
		v.Elem().Set(reflect.ValueOf(t.call.Reply).Elem())
	}
	o.call.Trailer, o.call.Peer, o.answer = t.call.Trailer, t.call.Peer, t.answer
}

// adoptCopy makes the outcome of a copy that of the call, as far as the interceptor that passed it
// on has not said otherwise. It has returned.
func (o *outgoing) adoptCopy(t *outgoing) {
	if t == nil {
		return
	}
	o.answer = t.answer
	if o.call.Trailer.Len() == 0 {
		o.call.Trailer = t.call.Trailer
	}
	if o.call.Peer.Addr == nil {
		o.call.Peer = t.call.Peer
	}
}
