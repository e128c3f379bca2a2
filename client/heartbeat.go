// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/protocol"
)

// Heartbeat asks the server to answer and returns how long that took. It needs no
// authentication and runs no user code on the server.
func (c *Conn) Heartbeat(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	p := c.calls.add(c.calls.nextSeq(), 0)
	if p == nil {
		return 0, rpcx.Unsent(rpcx.Unavailable, "client: heartbeat on %s: %w", c.addr, c.refusal())
	}
	c.reading.recall()
	b := bufpool.Get(64)
	b.B = appendHeartbeat(b.B, p.seq, began)
	if _, err := c.out.Add(ctx, b, false); err != nil {
		c.abandon(p)
		code := rpcx.Unavailable
		if ctx.Err() != nil {
			code = rpcx.CodeOf(ctx.Err())
		}
		return 0, rpcx.Unsent(code, "client: heartbeat on %s: %w", c.addr, err)
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		if c.giveUpQuietly(p) {
			return 0, rpcx.FromContext(ctx, "client: heartbeat on "+c.addr)
		}
	}
	err := p.err
	p.free()
	return time.Since(began), err
}

// giveUpQuietly is giveUp for what the server cannot cancel.
func (c *Conn) giveUpQuietly(p *pending) bool {
	if c.calls.take(p.seq) == nil {
		<-p.done
		return false
	}
	p.free()
	c.closeIfDrained()
	return true
}

// appendHeartbeat appends a heartbeat as rpcx sends it: the payload is the clock in
// nanoseconds as a full-width MessagePack integer. Servers do not look at it.
func appendHeartbeat(dst []byte, seq uint64, now time.Time) []byte {
	m := protocol.Message{
		Header:  protocol.Header{Heartbeat: true, Serialize: protocol.MsgPack, Seq: seq},
		Payload: binary.BigEndian.AppendUint64([]byte{0xd3}, uint64(now.UnixNano())),
	}
	dst, _ = m.AppendBinary(dst) // always fits
	return dst
}

// beat proves at intervals that the connection is alive, and ends it when it is not.
func (c *Conn) beat() {
	ticker := time.NewTicker(c.config.HeartbeatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-ticker.C:
		}
		waited := c.pushes.waited()
		ctx, cancel := context.WithTimeout(c.ctx, c.config.MaxWaitForHeartbeat)
		_, err := c.Heartbeat(ctx)
		cancel()
		if err != nil && c.ctx.Err() == nil && !c.pushes.since(waited) {
			c.fail(rpcx.Errorf(rpcx.Unavailable, "client: connection to %s does not answer heartbeats: %w", c.addr, err))
			return
		}
	}
}
