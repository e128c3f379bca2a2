// SPDX-License-Identifier: Apache-2.0

package client

import (
	"github.com/rpcx-go/rpcx/protocol"
)

// pushBox holds what the server pushed until the user takes it. Its length is
// bounded: the reader must not wait for user code unless the user wants that.
type pushBox struct {
	conn     *Conn
	messages chan *protocol.Message
	warned   bool // of dropped messages; the reader's
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

// deliver hands messages to the user, in order, until the connection ends; what came
// before that is still delivered.
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

// hand gives one message to the user. It reports false when the client is closed
// while nobody takes from the user's channel.
func (b *pushBox) hand(m *protocol.Message) bool {
	config := b.conn.config
	if config.OnPush != nil {
		config.OnPush(m)
		return true
	}
	select {
	case config.Pushes <- m:
		return true
	default:
	}
	select {
	case config.Pushes <- m:
		return true
	case <-b.conn.ctx.Done():
		return false
	}
}
