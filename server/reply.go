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
	out := dst
	if !in.head.Oneway && !in.abandoned.Load() {
		out = in.encodeAny(dst, pairs, err)
	}
	in.end(context.Canceled)
	if in.observed != nil {
		in.stopObserving(err)
	}
	return out
}

// encodeAny appends the reply or, where that cannot be encoded, an error in its place.
func (in *inbound) encodeAny(dst, pairs []byte, callErr error) []byte {
	withPayload := callErr == nil || in.handled && in.method.replyWithError
	if withPayload {
		out, err := in.encode(dst, pairs, callErr)
		if err == nil {
			return out
		}
		if callErr == nil {
			callErr = err
		}
	}
	return in.encodeError(dst, pairs, callErr)
}

// encode appends a whole reply frame, or fails.
func (in *inbound) encode(dst, pairs []byte, callErr error) (out []byte, err error) {
	defer in.recoverTo(&err) // codecs call the user's types
	out, mark := in.begin(dst, pairs, callErr)
	if out, err = in.appendPayload(out); err != nil {
		return nil, err
	}
	if out, err = in.deflate(out, &mark); err != nil {
		return nil, err
	}
	if n, limit := len(out)-len(dst)-protocol.HeaderSize, in.conn.server.config.limits.Frame; n > limit {
		return nil, rpcx.Errorf(rpcx.ResourceExhausted, "server: reply of %s.%s makes a frame of %d bytes, the limit is %d",
			in.call.Service, in.call.Method, n, limit)
	}
	return out, mark.Finish(out)
}

// encodeError appends an error reply without a payload.
func (in *inbound) encodeError(dst, pairs []byte, callErr error) []byte {
	out, mark := in.begin(dst, pairs, callErr)
	if mark.Finish(out) != nil { // over 4 GiB of metadata: not from this process
		return dst
	}
	return out
}

// begin starts a reply, up to the payload. Its header is the request's with every
// bit that is not the server's to set.
func (in *inbound) begin(dst, pairs []byte, callErr error) ([]byte, protocol.Mark) {
	h := in.head
	h.Type, h.Compress, h.Status = protocol.Response, protocol.None, protocol.Normal
	if callErr != nil {
		h.Status = protocol.Error
	}
	out, mark := protocol.AppendHead(dst, &h, in.call.Service, in.call.Method)
	out = append(out, pairs...)
	out, _ = in.call.Trailer.AppendBinary(out)
	if callErr != nil {
		out = rpcx.AppendWireError(out, callErr)
	}
	return mark.EndMetadata(out), mark
}

func (in *inbound) appendPayload(dst []byte) ([]byte, error) {
	if in.method.raw != nil {
		out, _ := in.call.Reply.(*protocol.Message)
		return append(dst, out.Payload...), nil
	}
	codec := in.conn.server.config.codecSet.Lookup(in.head.Serialize)
	start := len(dst)
	dst, err := codec.Append(dst, in.call.Reply)
	if err != nil {
		return dst, rpcx.Errorf(rpcx.Internal, "%w", err)
	}
	in.replyBytes = len(dst) - start
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

// workAlone runs the call on a goroutine of the pool.
func (in *inbound) workAlone() {
	defer in.conn.release(in) // also when the handler ends the goroutine
	in.work()
}

// work runs the call and sends its reply by itself.
func (in *inbound) work() {
	done := false
	defer func() {
		if !done { // runtime.Goexit in a handler
			in.conn.shut(errGoexit)
		}
	}()
	began := time.Now()
	err := in.run()
	in.method.pace.add(time.Since(began))
	b := bufpool.Get(0)
	b.B = in.appendReply(b.B, err)
	done = true
	if len(b.B) == 0 {
		b.Free()
		return
	}
	_ = in.conn.send(b, in.conn.running() > 1) // an error is the reader's to see
}
