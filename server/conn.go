// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/hello"
	"github.com/rpcx-go/rpcx/internal/lateread"
	"github.com/rpcx-go/rpcx/internal/outbox"
	"github.com/rpcx-go/rpcx/internal/sniff"
	"github.com/rpcx-go/rpcx/protocol"
)

// Conn is one connection of a client. Its methods may be called from anywhere, also
// after the connection is gone: they then fail or do nothing.
type Conn struct {
	server *Server
	nc     net.Conn
	peer   rpcx.Peer
	caller netip.Prefix // what it counts as for ConnectionsPerPeer, if that is limited
	out    *outbox.Outbox
	pushes pushQueue

	// outside is the context of a call that came through Dispatch; then nothing below is
	// used, and no call shares the Conn. nil for connections.
	outside context.Context //nolint:containedctx // of one call
	// upgraded says that the connection is for frames whatever it begins with.
	upgraded bool
	// web is what an HTTP server knows of the connection; nil while frames are spoken.
	web atomic.Pointer[webConn]

	// turn is whoever reads now.
	turn atomic.Pointer[turn]
	// in is what that one reads from.
	in inlet
	// ready says that the handshake has run and peer does not change any more.
	ready atomic.Bool
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

	calls   calls
	reason  atomic.Pointer[error] // why nobody reads any more
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
		in:     inlet{Conn: nc},
		peer:   rpcx.Peer{Network: network, Addr: nc.RemoteAddr(), Local: nc.LocalAddr()},
		out:    outbox.New(nc, s.config.limits.WriteTimeout, s.config.limits.UnsentReplies),
		dying:  make(chan struct{}),
		gone:   make(chan struct{}),
		calls:  calls{limit: s.config.limits.HandlersPerConn},
	}
	c.calls.unread = func() bool { return c.out.Pending() >= s.config.limits.UnsentReplies }
	c.turn.Store(newTurn(c, protocol.NewReader(c.source(), s.config.limits.Limits)))
	return c
}

// serve serves the connection until it ends, or until another goroutine reads it.
func (c *Conn) serve() {
	if err := c.handshake(); err != nil {
		c.hintAtTLS(err)
		c.stopReading(fmt.Errorf("handshake: %w", err))
		return
	}
	t := c.turn.Load()
	if c.peer.Network == "http" {
		// A client of rpcx loses what comes along with the answer to its CONNECT (Q20), so
		// nothing is pushed to it before it has spoken.
		if _, err := t.in.Peek(); err != nil {
			c.stopReading(err)
			return
		}
	}
	c.ready.Store(true)
	if o, ok := c.server.config.observer.(rpcx.ConnObserver); ok {
		c.observed = true
		c.server.guard("an observer", func() { o.ConnOpen(&rpcx.ConnInfo{Side: rpcx.ServerSide, Peer: c.peer}) })
	}
	if c.mayBeWeb() {
		first, err := t.in.Peek()
		if err != nil {
			c.stopReading(err)
			return
		}
		if sniff.First(first) == sniff.HTTP {
			c.serveWeb(t.in.Release())
			return
		}
	}
	t.read()
}

// secured is a connection with TLS: a *tls.Conn, or one that does it itself.
type secured interface {
	HandshakeContext(ctx context.Context) error
	ConnectionState() tls.ConnectionState
}

var errHandshake = errors.New("server: the TLS configuration panicked")

// handshake runs the TLS handshake, if there is one, within its time limit.
func (c *Conn) handshake() error {
	t, ok := c.nc.(secured)
	if !ok {
		c.peer.TLS = tlsState(c.nc)
		return nil
	}
	ctx, cancel := context.WithTimeout(c.server.lifetime, c.server.config.limits.HandshakeTimeout)
	defer cancel()
	err := errHandshake
	c.server.guard("a TLS handshake", func() { err = t.HandshakeContext(ctx) })
	if err != nil {
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
	c.reason.Store(&err)
	running, dropped := c.calls.end()
	for _, in := range dropped {
		in.vanish(context.Canceled)
	}
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
		reason := *c.reason.Load()
		c.shut(reason)
		c.logEnd(reason) // who sees that it is gone sees it counted
		c.dismiss(reason)
	})
}

// dismiss has the server forget the connection, and tells the observer.
func (c *Conn) dismiss(reason error) {
	c.server.dismiss(c)
	if o, ok := c.server.config.observer.(rpcx.ConnObserver); ok && c.observed {
		c.server.guard("an observer", func() { o.ConnClose(&rpcx.ConnInfo{Side: rpcx.ServerSide, Peer: c.peer}, reason) })
	}
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

// release ends what calls.admit or adopt, and workers.reserve, began.
func (c *Conn) release(in *inbound) {
	c.server.workers.unreserve()
	c.untrack(in)
}

// replace ends a call of the pool, on wk. It returns the one that waits for its place and
// gets it, with the goroutine; nil for none, and then whether wk goes on.
func (c *Conn) replace(in *inbound, wk *worker) (next *inbound, kept bool) {
	next, last := c.calls.remove(in)
	w := &c.server.workers
	switch {
	case next != nil:
		return next, true
	case last:
		w.unreserve()
		c.flush() // may take its time
		c.finish()
		return nil, w.keep(wk)
	default:
		kept = w.keep(wk) // before its place is free, or another goroutine would be started
		w.unreserve()
		return nil, kept
	}
}

// untrack notes that a call has ended, and runs the next one that waits.
func (c *Conn) untrack(in *inbound) {
	for in != nil {
		next, last := c.calls.remove(in)
		if last {
			c.flush()
			c.finish()
			return
		}
		if next == nil || c.server.workers.run(next) {
			return
		}
		b := bufpool.Get(0)
		if b.B = next.appendReply(b.B, c.server.herald.refused(next, errOverloaded)); len(b.B) > 0 {
			_ = c.send(b, true) // an error is the reader's to see
		}
		in = next
	}
}

// source is where frames are read from.
func (c *Conn) source() io.Reader {
	if late := lateread.New(c.nc); late != nil {
		return lateInlet{&c.in, late}
	}
	return &c.in
}

// activity returns a number that changes when anything is received or sent.
func (c *Conn) activity() uint64 { return c.in.received.Load() + uint64(c.out.Written()) }

// busy reports whether a call runs.
func (c *Conn) busy() bool {
	if w := c.web.Load(); w != nil {
		return w.busy()
	}
	_, inside := c.turn.Load().inside()
	return inside || c.calls.len() > 0
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
