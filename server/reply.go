// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/protocol"
)

// appendReply appends the answer to the call, which ended with err, to dst. It
// appends nothing for a one-way call and for one that its caller gave up. It ends
// the handler's context.
func (in *inbound) appendReply(dst []byte, err error) []byte {
	pairs := in.finish()
	in.exit()
	out := dst
	if !in.head.Oneway && !in.abandoned.Load() {
		out = in.encodeAny(dst, pairs, err)
	}
	in.End(context.Canceled)
	if in.observed != nil {
		in.stopObserving(err)
	}
	return out
}

// encodeAny appends the reply or, where that cannot be encoded, an error in its place.
func (in *inbound) encodeAny(dst, pairs []byte, callErr error) []byte {
	wire := in.wireError(callErr)
	if callErr == nil || in.handled && in.method.replyWithError {
		out, err := in.encode(dst, pairs, wire)
		if err == nil {
			return out
		}
		if callErr == nil {
			wire = in.wireError(err)
		}
	}
	out, mark := in.begin(dst, pairs, wire)
	if in.complete(&mark, out) == nil {
		return out
	}
	in.call.Trailer = rpcx.Metadata{}
	out, mark = in.begin(dst, nil, wire) // too much metadata: the error is more important
	if err := in.complete(&mark, out); err != nil {
		in.conn.server.logger.Error("error reply cannot be sent", "service", in.call.Service,
			"method", in.call.Method, "error", err)
		return dst
	}
	return out
}

// wireError encodes an error as metadata, nil for none. The error may be of the
// user's making, and so may its methods.
func (in *inbound) wireError(callErr error) (wire []byte) {
	if callErr == nil {
		return nil
	}
	var failed error
	defer func() {
		if failed != nil {
			wire = rpcx.AppendWireError(nil, failed)
		}
	}()
	defer in.recoverTo(&failed)
	return rpcx.AppendWireError(nil, callErr)
}

// encode appends a whole reply frame, or fails.
func (in *inbound) encode(dst, pairs, wire []byte) (out []byte, err error) {
	defer in.recoverTo(&err) // codecs call the user's types
	out, mark := in.begin(dst, pairs, wire)
	if out, err = in.appendPayload(out); err != nil {
		return nil, err
	}
	if out, err = in.deflate(out, &mark); err != nil {
		return nil, err
	}
	if err = in.complete(&mark, out); err != nil {
		return nil, err
	}
	in.replyBytes = len(out) - mark.PayloadStart()
	in.method.replies.Note(len(out) - len(dst))
	return out, nil
}

// complete fills in the lengths of the reply at the end of out, and holds it against the
// limits: a peer with the same ones would close the connection over it.
func (in *inbound) complete(mark *protocol.Mark, out []byte) error {
	if err := mark.Finish(out); err != nil {
		return err
	}
	if err := mark.Check(out, &in.conn.server.config.limits.Limits); err != nil {
		return rpcx.Errorf(rpcx.ResourceExhausted, "server: reply of %s.%s: %w", in.call.Service, in.call.Method, err)
	}
	return nil
}

// begin starts a reply, up to the payload. Its header is the request's with every
// bit that is not the server's to set.
func (in *inbound) begin(dst, pairs, wire []byte) ([]byte, protocol.Mark) {
	h := in.head
	h.Type, h.Compress, h.Status = protocol.Response, protocol.None, protocol.Normal
	if wire != nil {
		h.Status = protocol.Error
	}
	out, mark := protocol.AppendHead(dst, &h, in.call.Service, in.call.Method)
	out = append(out, pairs...)
	out, _ = in.call.Trailer.AppendBinary(out)
	out = append(out, wire...)
	return mark.EndMetadata(out), mark
}

func (in *inbound) appendPayload(dst []byte) ([]byte, error) {
	if in.method.raw != nil {
		out, _ := in.call.Reply.(*protocol.Message)
		return append(dst, out.Payload...), nil
	}
	codec := in.conn.server.config.codecSet.Lookup(in.head.Serialize)
	dst, err := codec.Append(dst, in.call.Reply)
	if err != nil {
		return dst, rpcx.Errorf(rpcx.Internal, "%w", err)
	}
	return dst, nil
}

// deflate compresses the payload of a reply to a request that named a method of
// compression, when it is long enough.
func (in *inbound) deflate(dst []byte, mark *protocol.Mark) ([]byte, error) {
	payload := dst[mark.PayloadStart():]
	z := in.conn.server.config.compressSet.Lookup(in.head.Compress)
	if z == nil || len(payload) <= compress.Threshold {
		return dst, nil
	}
	b := bufpool.Get(len(payload))
	defer b.Free()
	packed, err := z.Compress(b.B, payload)
	if err != nil {
		return dst, rpcx.Errorf(rpcx.Internal, "compress reply: %w", err)
	}
	b.B = packed
	mark.SetCompress(dst, in.head.Compress)
	return append(dst[:mark.PayloadStart()], packed...), nil
}

// vanish ends a call that there is nothing to answer to: its handler has ended its
// goroutine, as runtime.Goexit does, or its peer is gone before it could run.
func (in *inbound) vanish(reason error) {
	in.exit()
	in.End(context.Canceled)
	if in.observed != nil {
		in.stopObserving(reason)
	}
}

// workAlone runs the call on wk, a goroutine of the pool. It returns the call that is to
// run there next, nil for none, and then whether the goroutine is kept.
func (in *inbound) workAlone(wk *worker) (next *inbound, kept bool) {
	done := false
	defer func() {
		if !done { // the handler has ended the goroutine
			in.conn.release(in)
		}
	}()
	m := in.method
	in.work()
	done = true
	next, kept = in.conn.replace(in, wk)
	in.recycle()
	m.pace.ask()
	return next, kept
}

// pooledReply runs a call in the pool and returns its reply.
func (in *inbound) pooledReply() *bufpool.Buffer {
	m := in.method
	m.pace.running.Add(1)
	defer m.pace.running.Add(-1)
	err := in.serve(in.payload)
	b := m.replies.Get(smallBatch)
	b.B = in.appendReply(b.B, err)
	return b
}

// work runs the call and sends its reply by itself.
func (in *inbound) work() {
	done := false
	defer func() {
		if !done {
			in.vanish(errGoexit)
			in.conn.shut(errGoexit)
		}
	}()
	began := time.Now()
	in.runs(began)
	m := in.method
	b := in.pooledReply()
	if in.handled {
		m.pooled(time.Since(began), &in.conn.server.monitor)
	}
	done = true
	if len(b.B) == 0 {
		b.Free()
		return
	}
	_ = in.conn.send(b, in.conn.calls.len() > 1) // an error is the reader's to see
}
