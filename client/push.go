// SPDX-License-Identifier: Apache-2.0

package client

import (
	"sync/atomic"

	"github.com/rpcx-go/rpcx/protocol"
)

// pushBox holds what the server pushed until the user takes it. Its length is
// bounded: the reader must not wait for user code unless the user wants that.
type pushBox struct {
	conn     *Conn
	messages chan *protocol.Message
	warned   bool          // of dropped messages; the reader's
	waits    atomic.Uint64 // times that the reader began or ended to wait for room
}

func newPushBox(c *Conn) *pushBox {
	return &pushBox{conn: c, messages: make(chan *protocol.Message, c.config.PushQueue)}
}

// add queues a message. When the queue is full it waits or drops, as the user chose.
func (b *pushBox) add(m *protocol.Message) {
	select {
	case b.messages <- m:
		b.warned = false
		return
	default:
	}
	if b.conn.config.BlockOnPush {
		b.waits.Add(1)
		defer b.waits.Add(1)
		select {
		case b.messages <- m:
		case <-b.conn.ctx.Done():
		}
		return
	}
	b.conn.dropped.Add(1)
	if !b.warned { // once for each time that the queue runs full
		b.warned = true
		b.conn.config.Logger.Warn("pushes are dropped: they are not taken fast enough",
			"peer", b.conn.addr, "service", m.Service, "method", m.Method, "queued", len(b.messages))
	}
}

// since reports whether the reader has been waiting since waited returned was: then the
// server may have answered what was not read.
func (b *pushBox) since(was uint64) bool {
	now := b.waited()
	return now != was || now%2 == 1
}

func (b *pushBox) waited() uint64 {
	if b == nil {
		return 0
	}
	return b.waits.Load()
}

// deliver hands messages to the user, in order, until the connection ends; what came
// before that is still delivered, unless the user has closed the client.
func (b *pushBox) deliver() {
	for {
		select {
		case m := <-b.messages:
			if !b.hand(m) {
				return
			}
		case <-b.conn.gone:
			for {
				select {
				case m := <-b.messages:
					if !b.hand(m) {
						return
					}
				default:
					return
				}
			}
		}
	}
}

// hand gives one message to the user. It reports false when the user has closed the
// client: then it wants no more.
func (b *pushBox) hand(m *protocol.Message) bool {
	if b.conn.life.Err() != nil {
		return false
	}
	config := b.conn.config
	if config.OnPush != nil {
		config.OnPush(m)
		return true
	}
	select {
	case config.Pushes <- m:
		return true
	case <-b.conn.life.Done():
		return false
	}
}
