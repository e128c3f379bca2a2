// SPDX-License-Identifier: Apache-2.0

package client

import (
	"sync"

	"github.com/rpcx-go/rpcx/internal/hello"
	"github.com/rpcx-go/rpcx/protocol"
)

// maxEarlyCancels is how many calls can be given up before the server's hello has
// come; the handlers of further ones end with their deadlines.
const maxEarlyCancels = 1024

// cancels tells the server which calls were given up. Before the server has said
// whether it understands that, they are kept.
type cancels struct {
	mu    sync.Mutex // guards what follows
	known bool       // the hello was answered, one way or the other
	early []uint64   // sequence ids
}

// add cancels a call, now or when the hello has come.
func (s *cancels) add(c *Conn, seq uint64) {
	s.mu.Lock()
	known := s.known
	if !known && len(s.early) < maxEarlyCancels {
		s.early = append(s.early, seq)
	}
	s.mu.Unlock()
	if known {
		c.sendCancel(seq)
	}
}

// flush cancels what was kept, now that the hello has been answered.
func (s *cancels) flush(c *Conn) {
	s.mu.Lock()
	early := s.early
	s.early, s.known = nil, true
	s.mu.Unlock()
	for _, seq := range early {
		c.sendCancel(seq)
	}
}

// sendCancel asks the server to end a call, if it understands that.
func (c *Conn) sendCancel(seq uint64) {
	caps := c.caps.Load()
	if caps == nil || !caps.Cancel {
		return
	}
	_ = c.post(&protocol.Message{ // what cannot be sent needs no canceling
		Header:  protocol.Header{Oneway: true, Seq: seq},
		Service: hello.Service,
		Method:  hello.CancelMethod,
	})
}
