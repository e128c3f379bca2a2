// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// Call calls a method of a service and waits for its reply. A nil reply makes the
// call one-way: it returns once the connection has taken the request. Interceptors
// and fail modes are a Client's: a Conn only sends.
func (c *Conn) Call(ctx context.Context, service, method string, args, reply any, opts ...CallOption) error {
	o := newOutgoing(ctx, service, method, args, reply, opts)
	if o.options.timeout != 0 {
		var cancel context.CancelFunc
		ctx, cancel = o.limit(ctx)
		defer o.unlimit(cancel)
	}
	o.attempt = 1
	err := o.send(ctx, c)
	o.finish()
	return err
}

// Go is Call without waiting: the returned Call arrives on its Done channel when it
// is complete. done may be nil, and must have room for the calls that share it.
func (c *Conn) Go(ctx context.Context, service, method string, args, reply any, done chan *Call, opts ...CallOption) *Call {
	return startCall(ctx, service, method, args, reply, done, opts, func(opts []CallOption) error {
		return c.Call(ctx, service, method, args, reply, opts...)
	})
}

// SendRaw sends a frame of the caller's and returns the frame that answers it. m is
// not changed: on the connection it gets a sequence id of its own, and the answer
// carries m's again. A one-way frame has no answer. An answer with status error is
// returned together with the error that it carries.
//
// Payloads are plain on both ways: that of m is compressed as its header says when
// it is long enough, and the answer's has been decompressed.
func (c *Conn) SendRaw(ctx context.Context, m *protocol.Message) (*protocol.Message, error) {
	if m == nil {
		return nil, errNoMessage
	}
	return c.sendRaw(ctx, nil, m, m.Metadata, "")
}

func (c *Conn) sendRaw(ctx context.Context, own *timed, m *protocol.Message, md rpcx.Metadata, auth string) (*protocol.Message, error) {
	r := request{
		service: m.Service, method: m.Method, metadata: md, auth: auth, own: own,
		compress: m.Compress, oneway: m.Oneway, raw: m,
	}
	p, _, err := c.roundTrip(ctx, &r)
	if err != nil || p == nil {
		return nil, err
	}
	defer p.free()
	if err := c.inflate(p); err != nil {
		return nil, err
	}
	answer := &protocol.Message{Header: p.head, Service: m.Service, Method: m.Method, Metadata: p.meta}
	answer.Seq = m.Seq
	if len(p.payload) > 0 {
		answer.Payload = append([]byte(nil), p.payload...)
	}
	if p.head.Status == protocol.Error {
		return answer, rpcx.FromWire(p.meta)
	}
	return answer, nil
}
