// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"errors"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/protocol"
)

// mostInflated is how many times as long as before something may be when it is
// decompressed: what gzip can do at most, and others are taken to.
const mostInflated = 1032

// plain returns the payload of a call, decompressed: servers close the connection over one
// that cannot be. What it is decompressed to counts like a body until release is called.
func (p *Proxy) plain(m *protocol.Message) (payload []byte, release func(), err error) {
	if m.Compress == protocol.None {
		return m.Payload, func() {}, nil
	}
	z := p.inflate.Lookup(m.Compress)
	if z == nil {
		return nil, nil, rpcx.Errorf(rpcx.InvalidArgument, "unsupported compressor: number %d", m.Compress).NotExecuted()
	}
	size := int64(p.config.MaxBody)
	if n := len(m.Payload); n < p.config.MaxBody/mostInflated {
		size = int64(n * mostInflated)
	}
	if err := p.limits.bodies.Reserve(size); err != nil {
		return nil, nil, err
	}
	payload, err = z.Decompress(nil, m.Payload, p.config.MaxBody)
	if err != nil {
		p.limits.bodies.Return(size)
		if errors.Is(err, compress.ErrTooLarge) {
			return nil, nil, rpcx.Errorf(rpcx.ResourceExhausted, "decompressed %w of %d bytes", httpcall.ErrTooLarge, p.config.MaxBody).NotExecuted()
		}
		return nil, nil, rpcx.Errorf(rpcx.InvalidArgument, "decompress: %w", err).NotExecuted()
	}
	held := int64(cap(payload))
	p.limits.bodies.Return(size - held)
	return payload, func() { p.limits.bodies.Return(held) }, nil
}
