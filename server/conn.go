// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/hello"
	"github.com/rpcx-go/rpcx/internal/outbox"
	"github.com/rpcx-go/rpcx/protocol"
)

// Conn is one connection of a client. Its methods may be called from anywhere, also
// after the connection is gone: they then fail or do nothing.
type Conn struct {
	server *Server
	nc     net.Conn
	peer   rpcx.Peer
	out    *outbox.Outbox
	pushes pushQueue

	// turn is whoever reads now.
	turn atomic.Pointer[turn]
	// frames counts what was received, so that others can see whether the peer is quiet.
	frames atomic.Uint64
	// watched says that the monitor looks at this connection.
	watched atomic.Bool
	// caps is what the peer said it understands; nil until it did.
	caps atomic.Pointer[hello.Capabilities]
	// halted says that frames that still arrive are not to be executed.
	halted atomic.Bool
	// dying is closed when the connection below is.
	dying    chan struct{}
	dieOnce  sync.Once
	observed bool // the observer was told of it
	// gone is closed when the connection has ended for everybody.
	gone chan struct{}

	mu      sync.Mutex            // guards what follows
	calls   map[*inbound]struct{} // running elsewhere than in the reader
	room    chan struct{}         // closed when a call ends; nil: nobody waits
	ended   bool                  // nobody reads any more
	reason  error                 // why
	closing sync.Once
}

type connKey struct{}

// ConnFrom returns the connection that a handler's call came in on; nil outside of a
// handler, and for calls that did not come over a connection of frames.
func ConnFrom(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}

// Peer returns who is at the other end.
func (c *Conn) Peer() rpcx.Peer { return c.peer }

// NetConn returns the connection below, a *net.TCPConn or *tls.Conn for instance. It
// must not be read from or written to.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Done returns a channel that is closed when the connection is gone.
func (c *Conn) Done() <-chan struct{} { return c.gone }

// Close closes the connection at once. Calls that run on it are canceled.
func (c *Conn) Close() error {
	c.shut(rpcx.Errorf(rpcx.Canceled, "server: connection closed by the server"))
	return nil
}

func newConn(s *Server, nc net.Conn, network string) *Conn {
	c := &Conn{
		server: s,
		nc:     nc,
		peer:   rpcx.Peer{Network: network, Addr: nc.RemoteAddr(), Local: nc.LocalAddr()},
		out:    outbox.New(nc, s.config.limits.WriteTimeout, s.config.limits.UnsentReplies),
		dying:  make(chan struct{}),
		gone:   make(chan struct{}),
	}
	c.turn.Store(newTurn(c, protocol.NewReader(nc, s.config.limits.Limits)))
	return c
}

// serve serves the connection until it ends, or until another goroutine reads it.
func (c *Conn) serve() {
	if err := c.handshake(); err != nil {
		c.stopReading(fmt.Errorf("handshake: %w", err))
		return
	}
	if o, ok := c.server.config.observer.(rpcx.ConnObserver); ok {
		c.observed = true
		o.ConnOpen(&rpcx.ConnInfo{Side: rpcx.ServerSide, Peer: c.peer})
	}
	c.turn.Load().run()
}

// handshake runs the TLS handshake, if there is one, within its time limit.
func (c *Conn) handshake() error {
	t, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.server.lifetime, c.server.config.limits.HandshakeTimeout)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	state := t.ConnectionState()
	c.peer.TLS = &state
	return nil
}

// stopReading ends the reading side: nothing comes in any more. Calls that still
// run are canceled; what they answer is sent if the peer still takes it, and then
// the connection is closed.
func (c *Conn) stopReading(err error) {
	if e := c.out.Err(); e != nil {
		err = e // the write failed first, and closed the connection under the reader
	}
	c.mu.Lock()
	c.ended, c.reason = true, err
	running := len(c.calls)
	for in := range c.calls {
		in.end(context.Canceled)
	}
	c.mu.Unlock()
	defer c.server.turns.Done()
	if running == 0 {
		c.flush()
		c.finish()
		return
	}
	time.AfterFunc(c.server.config.limits.WriteTimeout, func() { c.shut(err) })
}

// finish closes the connection once nothing runs on it and nothing comes in.
func (c *Conn) finish() {
	c.closing.Do(func() {
		c.mu.Lock()
		reason := c.reason
		c.mu.Unlock()
		c.shut(reason)
		c.server.dismiss(c)
		c.logEnd(reason)
		if o, ok := c.server.config.observer.(rpcx.ConnObserver); ok && c.observed {
			o.ConnClose(&rpcx.ConnInfo{Side: rpcx.ServerSide, Peer: c.peer}, reason)
		}
	})
}

// shut closes the connection below. Whoever reads notices and ends the rest.
func (c *Conn) shut(reason error) {
	c.dieOnce.Do(func() { close(c.dying) })
	c.pushes.close()
	c.out.Close(reason)
}

func (c *Conn) logEnd(err error) {
	switch {
	case errors.Is(err, protocol.ErrMalformed):
		c.server.stats.malformed.Add(1)
		c.server.logger.Debug("connection closed", "peer", c.peer.Addr, "error", err)
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed):
		c.server.logger.Debug("connection closed", "peer", c.peer.Addr, "error", err)
	}
}

// track notes a call that is to run elsewhere than in the reader. It reports false
// when as many run as may.
func (c *Conn) track(in *inbound) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.calls) >= c.server.config.limits.HandlersPerConn {
		return false
	}
	c.put(in)
	return true
}

// adopt notes a call whose goroutine has lost its turn, unless it has ended already.
func (c *Conn) adopt(in *inbound) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !in.released {
		c.put(in)
	}
}

// put notes a call. c.mu is held.
func (c *Conn) put(in *inbound) {
	if c.calls == nil {
		c.calls = make(map[*inbound]struct{})
	}
	c.calls[in] = struct{}{}
	if c.ended {
		in.end(context.Canceled)
	}
}

// waitRoom waits until a running call has ended.
func (c *Conn) waitRoom() {
	c.mu.Lock()
	if len(c.calls) < c.server.config.limits.HandlersPerConn {
		c.mu.Unlock()
		return
	}
	if c.room == nil {
		c.room = make(chan struct{})
	}
	room := c.room
	c.mu.Unlock()
	select {
	case <-room:
	case <-c.dying:
	}
}

// release ends what track or adopt, and workers.reserve, began.
func (c *Conn) release(in *inbound) {
	c.server.workers.unreserve()
	c.untrack(in)
}

// untrack is the reverse of track and adopt, whichever comes first.
func (c *Conn) untrack(in *inbound) {
	c.mu.Lock()
	in.released = true
	delete(c.calls, in)
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
	last := c.ended && len(c.calls) == 0
	c.mu.Unlock()
	if last {
		c.flush()
		c.finish()
	}
}

// cancel ends the context of the calls with the given sequence id; there is one
// unless the client uses an id twice.
func (c *Conn) cancel(seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for in := range c.calls {
		if in.head.Seq == seq {
			in.abandoned.Store(true)
			in.end(context.Canceled)
		}
	}
}

// activity returns a number that changes when anything is received or sent.
func (c *Conn) activity() uint64 { return c.frames.Load() + uint64(c.out.Written()) }

// busy reports whether a call runs.
func (c *Conn) busy() bool {
	_, inside := c.turn.Load().inside()
	return inside || c.running() > 0
}

// running returns how many calls run outside of the reader.
func (c *Conn) running() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls)
}

// send queues complete frames that lie in b, which the outbox owns from then on.
func (c *Conn) send(b *bufpool.Buffer, gather bool) error {
	_, err := c.out.Add(context.Background(), b, gather) // bounded by the write timeout
	return err
}

// flush waits until what was queued has been written or cannot be.
func (c *Conn) flush() {
	_ = c.out.Flush(context.Background()) // bounded by the write timeout
}
