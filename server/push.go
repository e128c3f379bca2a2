// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/protocol"
)

// Push sends a message that the client did not ask for. A client of ours gets it in
// its push handler, one of rpcx on its message channel; a client with neither drops
// it. Messages of one connection keep their order. service and method are free and
// may be empty.
//
// Push returns once the message is queued. What happens when the queue is full is
// the server's PushPolicy; ctx bounds the wait. A nil error does not mean that the
// client got the message: there is no answer to a push.
func (c *Conn) Push(ctx context.Context, service, method string, md rpcx.Metadata, payload []byte) error {
	if c == nil {
		return rpcx.Errorf(rpcx.FailedPrecondition, "server: push %s.%s: there is no connection; see ConnFrom", service, method)
	}
	m := &protocol.Message{
		Header:   protocol.Header{Oneway: true, Seq: c.server.pushSeq.Add(1)},
		Service:  service,
		Method:   method,
		Metadata: md,
		Payload:  payload,
	}
	frame, err := c.server.encodePush(m)
	if err != nil {
		return err
	}
	return c.push(ctx, frame)
}

// PushAll is Push to every open connection. It does not let one slow client hold up
// the others: it queues for all that have room first. A connection that began as an HTTP
// CONNECT is one once its client has spoken: those of rpcx lose what comes earlier. The
// error joins those of the connections that did not get the message queued, each with its
// address.
func (s *Server) PushAll(ctx context.Context, service, method string, md rpcx.Metadata, payload []byte) error {
	m := &protocol.Message{
		Header:   protocol.Header{Oneway: true, Seq: s.pushSeq.Add(1)},
		Service:  service,
		Method:   method,
		Metadata: md,
		Payload:  payload,
	}
	frame, err := s.encodePush(m)
	if err != nil {
		return err
	}
	var full []*Conn
	for _, c := range s.Conns() {
		if !c.pushes.tryAdd(c, frame) {
			full = append(full, c)
		}
	}
	var errs []error
	for _, c := range full {
		if err := c.push(ctx, frame); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// encodePush encodes a push once for all that it goes to, within the limits.
func (s *Server) encodePush(m *protocol.Message) ([]byte, error) {
	frame, err := m.AppendBinary(nil)
	var f protocol.Frame
	if err == nil {
		err = f.Parse(frame, &s.config.limits.Limits)
	}
	if err != nil {
		return nil, rpcx.Errorf(rpcx.ResourceExhausted, "server: push %s.%s: %w", m.Service, m.Method, err)
	}
	return frame, nil
}

func (c *Conn) push(ctx context.Context, frame []byte) error {
	for {
		if c.pushes.tryAdd(c, frame) {
			return nil
		}
		if c.pushes.isClosed() {
			return fmt.Errorf("server: push to %v: %w", c.peer.Addr, errConnClosed)
		}
		switch c.server.config.push {
		case PushDropOldest:
			if c.pushes.dropOldest() {
				c.server.stats.droppedPushes.Add(1)
			}
			continue
		case PushRefuse:
			return rpcx.Errorf(rpcx.ResourceExhausted, "server: push to %v: %d messages are waiting", c.peer.Addr, c.server.config.limits.Pushes)
		case PushDisconnect:
			err := rpcx.Errorf(rpcx.ResourceExhausted, "server: push to %v: the client reads too slowly and was disconnected", c.peer.Addr)
			c.server.stats.slowConns.Add(1)
			c.shut(err)
			return err
		case PushWait:
		}
		if err := c.pushes.wait(ctx); err != nil {
			return fmt.Errorf("server: push to %v: %w", c.peer.Addr, err)
		}
	}
}

// pushQueue holds the pushes for one connection. A goroutine sends them; it exists
// while there are any.
type pushQueue struct {
	mu      sync.Mutex // guards what follows
	frames  [][]byte   // shared with other connections, never written
	sending bool
	closed  bool
	room    chan struct{} // closed when the queue is shorter or closed; nil: nobody waits
}

var errConnClosed = rpcx.Errorf(rpcx.Unavailable, "connection is closed")

// tryAdd queues a frame and reports whether there was room. A closed queue has none.
func (q *pushQueue) tryAdd(c *Conn, frame []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.frames) >= c.server.config.limits.Pushes {
		return false
	}
	q.frames = append(q.frames, frame)
	if !q.sending {
		q.sending = true
		go q.send(c) // ends with the queue; the connection's end closes that
	}
	return true
}

// send sends until the queue is empty.
func (q *pushQueue) send(c *Conn) {
	for {
		q.mu.Lock()
		if len(q.frames) == 0 || q.closed {
			q.sending = false
			q.mu.Unlock()
			return
		}
		frame := q.frames[0]
		q.frames = q.frames[1:]
		q.wake()
		more := len(q.frames) > 0
		q.mu.Unlock()
		b := bufpool.Get(len(frame))
		b.B = append(b.B, frame...)
		if c.send(b, more) != nil {
			q.close()
		}
	}
}

// dropOldest reports whether there was anything to drop.
func (q *pushQueue) dropOldest() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 {
		return false
	}
	q.frames = q.frames[1:]
	return true
}

func (q *pushQueue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// wait waits until there may be room.
func (q *pushQueue) wait(ctx context.Context) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return errConnClosed
	}
	if q.room == nil {
		q.room = make(chan struct{})
	}
	room := q.room
	q.mu.Unlock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return rpcx.FromContext(ctx, "no room in the queue")
	}
}

// wake lets those in wait look again. q.mu is held.
func (q *pushQueue) wake() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

func (q *pushQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.frames = nil
	q.wake()
}
