// SPDX-License-Identifier: Apache-2.0

package client

import (
	"strconv"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/protocol"
)

// smallRequest is the buffer that a request begins with.
const smallRequest = 1 << 10

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
		err = mark.Check(b.B, &c.config.Limits)
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

// decoder returns what decodes the payload of a reply, which it has made plain, within the limits.
// There is none for an empty one, which leaves the caller's value untouched, as in rpcx.
func (c *Conn) decoder(p *pending) (codec.Codec, error) {
	if len(p.payload) == 0 {
		return nil, nil
	}
	if err := c.inflate(p); err != nil {
		return nil, err
	}
	dec := c.config.codecs.Lookup(p.head.Serialize)
	if dec == nil {
		return nil, rpcx.Errorf(rpcx.Unimplemented, "unsupported codec: number %d", p.head.Serialize)
	}
	return dec, nil
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
