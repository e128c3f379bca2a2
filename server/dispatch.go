// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/callctx"
	"github.com/rpcx-go/rpcx/protocol"
)

// Metadata keys of rpcx that a server reads.
const (
	authKey    = "__AUTH"
	timeoutKey = "__ServerTimeout"
)

var (
	errGoexit  = errors.New("server: a handler ended its goroutine")
	errGivenUp = rpcx.Errorf(rpcx.Canceled, "server: the call was given up before it could run").NotExecuted()
	errExpired = rpcx.Errorf(rpcx.DeadlineExceeded, "server: deadline passed before the call could run").NotExecuted()
)

// The stations of a call, in order: receive, serve (prepare, run), appendReply. Nothing
// that costs more than the frame itself happens before authentication, and code of
// the user's runs in serve and appendReply only.

// receive makes the call that a frame asks for and finds its method, if there is one.
func (c *Conn) receive(f *protocol.Frame) *inbound {
	in := c.server.newInbound(c)
	in.head, in.requestBytes = f.Header, len(f.Payload)
	in.call.Side = rpcx.ServerSide
	in.call.Oneway = f.Oneway
	in.call.Peer = c.peer
	if len(f.Metadata) > 0 {
		in.setMetadata(f)
	}
	in.method, in.service = (*c.server.table.Load()).lookup(f.Service, f.Method)
	if in.method == nil {
		in.call.Service, in.call.Method = string(f.Service), string(f.Method)
		in.method = c.server.reroute(in.call.Service, in.call.Method)
	} else {
		in.call.Service, in.call.Method = in.method.service, in.method.name
	}
	return in
}

// setMetadata keeps the metadata of the request and reads its deadline.
func (in *inbound) setMetadata(f *protocol.Frame) {
	in.meta = f.CopyMetadata()
	in.call.Header = in.meta
	text, ok := in.meta.Lookup(timeoutKey)
	if !ok {
		return
	}
	if in.budget, ok = parseBudget(text); !ok {
		return
	}
	arrived, waited := in.conn.in.arrival()
	in.behind = waited
	in.SetDeadline(arrived.Add(in.budget))
}

// parseBudget reads how much time a call has. What is no number is no deadline, as in
// rpcx, and nor is one in a hundred years.
func parseBudget(text string) (time.Duration, bool) {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms > math.MaxInt64/int64(time.Millisecond)/2 {
		return 0, false
	}
	return time.Duration(max(ms, 0)) * time.Millisecond, true
}

// serve authenticates the call, decodes its arguments and runs its handler. The payload
// is not used afterwards.
func (in *inbound) serve(payload []byte) error {
	err := in.prepare(payload)
	in.dropPayload() // the handler may take long
	if err != nil {
		return err
	}
	return in.run()
}

// prepare authenticates the call and decodes its arguments.
func (in *inbound) prepare(payload []byte) (err error) {
	defer in.recoverTo(&err)
	s := in.conn.server
	if s.config.observer != nil && in.method != nil {
		in.startObserving()
	}
	if s.config.auth != nil {
		service, method := in.registered()
		if err := s.config.auth(in, service, method, in.meta.Get(authKey)); err != nil {
			return unauthenticated(err)
		}
	}
	if in.method == nil {
		return in.missing()
	}
	if in.release != nil || in.behind { // it had to wait
		if err := in.overdue(); err != nil {
			return err
		}
	}
	if in.head.Compress != protocol.None {
		b, err := in.inflate(payload)
		if err != nil {
			return err
		}
		defer b.Free()
		payload = b.B
	}
	if limit := s.config.limits.Payload; len(payload) > limit {
		return rpcx.Errorf(rpcx.ResourceExhausted, "server: payload of %d bytes, the limit is %d", len(payload), limit).NotExecuted()
	}
	if in.method.raw != nil {
		in.call.Args, in.call.Reply = in.rawRequest(payload), new(protocol.Message)
		return nil
	}
	codec := s.config.codecSet.Lookup(in.head.Serialize)
	if codec == nil {
		return rpcx.Errorf(rpcx.Unimplemented, "can not find codec for %d", in.head.Serialize).NotExecuted()
	}
	in.call.Args, in.call.Reply = in.method.newArgs(), in.method.newReply()
	if err := codec.Unmarshal(payload, in.call.Args); err != nil {
		return rpcx.Errorf(rpcx.InvalidArgument, "arguments of %s.%s: %w", in.call.Service, in.call.Method, err).NotExecuted()
	}
	return nil
}

// registered returns the name under which policies know what is called: that of the
// method, by whatever name it was asked for, so that an alias opens no back door.
func (in *inbound) registered() (service, method string) {
	if in.method == nil {
		return in.call.Service, in.call.Method
	}
	return in.method.service, in.method.name
}

// missing says what was asked for that does not exist, in the words of rpcx.
func (in *inbound) missing() error {
	if in.service {
		return rpcx.Errorf(rpcx.Unimplemented, "rpcx: can't find method %s", in.call.Method).NotExecuted()
	}
	return rpcx.Errorf(rpcx.Unimplemented, "rpcx: can't find service %s", in.call.Service).NotExecuted()
}

// unauthenticated gives an error of an AuthFunc a code, unless it has one, and says
// that the call did not run.
func unauthenticated(err error) error {
	var e *rpcx.Error
	if errors.As(err, &e) {
		return e.NotExecuted()
	}
	code := rpcx.CodeOf(err)
	if code == rpcx.Unknown {
		code = rpcx.Unauthenticated
	}
	return rpcx.Errorf(code, "%w", err).NotExecuted()
}

// inflateGuess is how much room a payload gets before anything of it is decompressed.
const inflateGuess = 64 << 10

// inflate decompresses a payload within the limits.
func (in *inbound) inflate(payload []byte) (*bufpool.Buffer, error) {
	s := in.conn.server
	z := s.config.compressSet.Lookup(in.head.Compress)
	if z == nil {
		return nil, rpcx.Errorf(rpcx.Unimplemented, "unsupported compressor: number %d", in.head.Compress).NotExecuted()
	}
	b := bufpool.Get(min(4*len(payload), inflateGuess))
	out, err := z.Decompress(b.B, payload, s.config.limits.Payload)
	if err != nil {
		b.Free()
		return nil, rpcx.Errorf(rpcx.InvalidArgument, "decompress arguments: %w", err).NotExecuted()
	}
	b.B = out
	return b, nil
}

// rawRequest is what a raw handler gets: the frame as a message of its own.
func (in *inbound) rawRequest(payload []byte) *protocol.Message {
	m := &protocol.Message{
		Header:   in.head,
		Service:  in.call.Service,
		Method:   in.call.Method,
		Metadata: in.meta,
		Payload:  append([]byte(nil), payload...),
	}
	m.Compress = protocol.None
	return m
}

// run runs the interceptors and the handler. They see the name that the method is
// registered under; the reply carries the one that was called.
func (in *inbound) run() (err error) {
	defer in.recoverTo(&err)
	service, method := in.call.Service, in.call.Method
	defer func() { in.call.Service, in.call.Method = service, method }()
	in.call.Service, in.call.Method = in.registered()
	if err := in.Err(); errors.Is(err, context.DeadlineExceeded) {
		return in.overdue()
	} else if err != nil {
		return errGivenUp
	}
	if in.observed != nil {
		return in.conn.server.chain(in.observed.ctx, &in.call)
	}
	return in.conn.server.chain(in, &in.call)
}

// recoverTo turns a panic in the user's code into an error that tells the caller no
// more than that; the log tells the rest.
func (in *inbound) recoverTo(err *error) {
	r := recover()
	if r == nil {
		return
	}
	s := in.conn.server
	s.stats.panics.Add(1)
	s.logger.Error("panic while serving a call", "service", in.call.Service, "method", in.call.Method,
		"peer", in.conn.peer.Addr, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	*err = rpcx.Errorf(rpcx.Internal, "[service internal error]: panic, method: %s", in.call.Method)
}

// invoke is the innermost link of the chain of interceptors.
func invoke(ctx context.Context, c *rpcx.Call) error {
	in, ok := ctx.Value(callctx.Key{}).(*inbound)
	if !ok {
		return rpcx.Errorf(rpcx.Internal, "server: an interceptor passed on a context that is not the call's")
	}
	err := in.method.invoke(ctx, c)
	in.handled = true
	return err
}
