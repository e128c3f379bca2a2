// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/hello"
	"github.com/rpcx-go/rpcx/internal/lateread"
	"github.com/rpcx-go/rpcx/internal/outbox"
	"github.com/rpcx-go/rpcx/protocol"
)

// Conn is one connection to a server. It carries any number of calls at once. It
// does not connect again when it is lost; a Client does. Its methods may be called
// concurrently, and after the connection is gone: they then fail with Unavailable.
type Conn struct {
	config  *resolved
	nc      net.Conn
	addr    string // as dialled: network@address
	peer    rpcx.Peer
	out     *outbox.Outbox
	calls   table
	expiry  expiry
	caps    atomic.Pointer[hello.Capabilities] // nil until the server's hello came
	pushes  *pushBox                           // nil: pushes are dropped
	cancels cancels
	reading reading

	state atomic.Uint32 // drains and failed; 0: it takes calls
	owner owner         // may be nil

	ctx    context.Context //nolint:containedctx // ends with the connection
	cancel context.CancelCauseFunc
	tasks  *sync.WaitGroup // reader, heartbeat, push delivery; the owner's if there is one
	gone   chan struct{}   // closed when the reader has ended

	life context.Context    //nolint:containedctx // ends when the user closes what the connection belongs to
	end  context.CancelFunc // of life, if it is the connection's own

	dropped atomic.Uint64 // replies that nobody waited for
}

// What may stand against new calls, as bits of Conn.state.
const (
	drains = 1 << iota // it ends when its calls have: the server said so, or it is not needed any more
	failed             // it has ended
)

// owner is told what happens to a connection. Its methods must not block.
type owner interface {
	// unusable is called when no more calls should be sent. It may be called again.
	unusable(c *Conn)
	// ended is called when the connection is gone.
	ended(c *Conn)
}

// Dial connects to a server. network and addr are as in an address network@addr.
// The connection attempt ends with ctx or Option.ConnectTimeout, whichever is
// earlier.
func Dial(ctx context.Context, network, addr string, opt Option) (*Conn, error) {
	config, err := opt.resolve()
	if err != nil {
		return nil, rpcx.Unsent(rpcx.InvalidArgument, "%w", err)
	}
	life, end := context.WithCancel(context.Background())
	c, err := dial(ctx, life, network, addr, config, new(sync.WaitGroup), nil)
	if err != nil {
		end()
		return nil, err
	}
	c.end = end
	return c, nil
}

// dial opens a connection and says hello. What runs for it is counted in tasks, and
// ends with life at the latest.
func dial(ctx, life context.Context, network, addr string, config *resolved, tasks *sync.WaitGroup, owner owner) (*Conn, error) {
	where := network + "@" + addr
	t, err := config.transports.Lookup(network)
	if err != nil {
		return nil, rpcx.Unsent(rpcx.InvalidArgument, "client: dial %s: %w", where, err)
	}
	ctx, cancel := context.WithTimeout(ctx, config.ConnectTimeout)
	defer cancel()
	nc, err := t.Dial(ctx, network, addr, config.settings)
	if err != nil {
		return nil, rpcx.Unsent(rpcx.Unavailable, "client: dial %s: %w", where, err)
	}
	c := &Conn{
		config: config,
		nc:     nc,
		addr:   where,
		peer:   rpcx.Peer{Network: network, Addr: nc.RemoteAddr(), Local: nc.LocalAddr()},
		out:    outbox.New(nc, config.WriteTimeout, config.MaxUnsent),
		life:   life,
		tasks:  tasks,
		owner:  owner,
		gone:   make(chan struct{}),
	}
	if secured, ok := nc.(interface{ ConnectionState() tls.ConnectionState }); ok {
		state := secured.ConnectionState()
		c.peer.TLS = &state
	}
	c.expiry.init(&c.calls, c.expired)
	c.reading.init(protocol.NewReader(source(nc), config.Limits))
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	if !config.NoHello {
		c.sayHello()
	}
	c.start()
	return c, nil
}

// source is where frames are read from: a socket is waited for without a buffer.
func source(nc net.Conn) io.Reader {
	if late := lateread.New(nc); late != nil {
		return late
	}
	return nc
}

// start starts what belongs to the connection.
func (c *Conn) start() {
	if o, ok := c.config.Observer.(rpcx.ConnObserver); ok {
		o.ConnOpen(&rpcx.ConnInfo{Side: rpcx.ClientSide, Peer: c.peer})
	}
	if c.config.pushes() {
		c.pushes = newPushBox(c)
		c.tasks.Go(c.pushes.deliver)
	}
	c.tasks.Go(c.read)
	if c.config.Heartbeat {
		c.tasks.Go(c.beat)
	}
}

// Peer returns the server and the connection's addresses.
func (c *Conn) Peer() rpcx.Peer { return c.peer }

// Done returns a channel that is closed when the connection is gone. Err then says
// why.
func (c *Conn) Done() <-chan struct{} { return c.gone }

// Err returns why the connection ended, nil while it works.
func (c *Conn) Err() error {
	if c.ctx.Err() == nil {
		return nil
	}
	return context.Cause(c.ctx)
}

// Pending returns how many calls wait for replies.
func (c *Conn) Pending() int { return c.calls.len() }

// Close closes the connection at once. Calls that wait for replies fail with
// Canceled. It returns when everything that belongs to the connection has ended,
// the delivery of a push that is under way included.
func (c *Conn) Close() error {
	c.end()
	c.fail(rpcx.Errorf(rpcx.Canceled, "client: connection to %s is shut down", c.addr))
	c.tasks.Wait()
	return nil
}

// retire closes the connection once the calls on it have ended. New ones are refused
// as not sent.
func (c *Conn) retire() {
	c.drain()
	c.closeIfDrained()
}

// drain begins to refuse new calls.
func (c *Conn) drain() {
	c.state.Or(drains)
	if c.owner != nil {
		c.owner.unusable(c)
	}
}

// closeIfDrained ends a draining connection that no call waits on.
func (c *Conn) closeIfDrained() {
	if c.state.Load()&drains != 0 && c.calls.len() == 0 {
		c.fail(errDrained)
	}
}

var errDrained = rpcx.Errorf(rpcx.Unavailable, "client: connection was drained")

// usable reports whether new calls may be sent.
func (c *Conn) usable() bool { return c.state.Load() == 0 }

// expired is told when calls were ended whose time was up.
func (c *Conn) expired() {
	c.reading.nudge()
	c.closeIfDrained()
}

// fail ends the connection, for the first reason given.
func (c *Conn) fail(reason error) {
	c.cancel(reason)
	c.state.Or(failed)
	c.out.Close(reason)
	c.reading.recall()
}

// lost says why reading ended.
func (c *Conn) lost(err error) error {
	if werr := c.out.Err(); werr != nil && !isAlert(err) {
		err = werr // the write failed first, and closed the connection under the reader
	}
	var e *rpcx.Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, io.EOF):
		return rpcx.Errorf(rpcx.Unavailable, "client: connection to %s lost: closed by the server%s", c.addr, c.hint())
	case errors.Is(err, protocol.ErrMalformed):
		return rpcx.Errorf(rpcx.Internal, "client: connection to %s closed: %w", c.addr, err)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return rpcx.Errorf(rpcx.Unavailable, "client: connection to %s lost: %w%s", c.addr, err, c.hint())
	default:
		return rpcx.Errorf(rpcx.Unavailable, "client: connection to %s lost: %w", c.addr, err)
	}
}

// hint says what may be wrong when the server ended the connection and had never spoken.
func (c *Conn) hint() string {
	switch {
	case c.reading.heard:
		return ""
	case c.peer.TLS == nil:
		return "; nothing was ever received on this connection: does the server want TLS or another network, or refuse this address?"
	default:
		return "; nothing was ever received on this connection: does the server want another network, or refuse this address?"
	}
}

// isAlert reports whether err is the peer's word, in TLS, on why it ended the
// connection: it refuses our certificate, for instance.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// receiveReply completes the call that f answers. Real servers are tied to the
// sequence id alone: names and message type of an answer mean nothing.
func (c *Conn) receiveReply(f *protocol.Frame) {
	p := c.calls.take(f.Seq)
	if p == nil {
		c.dropped.Add(1) // answered twice, or after the caller left
		return
	}
	p.head = f.Header
	if len(f.Metadata) > 0 {
		p.meta = f.CopyMetadata()
	}
	if len(f.Payload) > 0 {
		p.keep(f.Payload, c.reading.in)
	}
	c.reading.alone = c.calls.len() == 0 // before the caller can make the next one
	if p == c.reading.own {
		c.reading.own = nil
	} else {
		p.complete()
	}
	c.closeIfDrained()
}

// sayHello offers what this side understands beyond rpcx. Nothing waits for the
// answer.
func (c *Conn) sayHello() {
	m := protocol.Message{
		Header:   protocol.Header{Heartbeat: true, Seq: c.calls.nextSeq()},
		Metadata: protocol.Pairs(hello.OfferKey, hello.Format(c.config.compressors)),
	}
	_ = c.post(&m) // a connection that is lost already shows with the first call
}

// receiveHello notes what the server understands and reports whether f was a hello
// at all. A classic server echoes our offer: then it understands nothing of it.
func (c *Conn) receiveHello(f *protocol.Frame) bool {
	if accept, ok := protocol.LookupBlock(f.Metadata, hello.AcceptKey); ok {
		c.caps.Store(hello.Parse(string(accept)))
		c.cancels.flush(c)
		return true
	}
	_, echoed := protocol.LookupBlock(f.Metadata, hello.OfferKey)
	if echoed {
		c.cancels.flush(c)
	}
	return echoed
}

// receivePush takes a message that the server sent on its own.
func (c *Conn) receivePush(f *protocol.Frame) {
	switch {
	case string(f.Service) == hello.Service:
		if string(f.Method) == hello.DrainMethod {
			c.retire()
		}
	case c.pushes != nil:
		c.pushes.add(f.Message())
	default:
		c.dropped.Add(1)
	}
}

// post queues a frame that no reply is awaited for. It does not wait for room.
func (c *Conn) post(m *protocol.Message) error {
	b := bufpool.Get(128)
	var err error
	if b.B, err = m.AppendBinary(b.B); err != nil {
		b.Free()
		return err
	}
	_, err = c.out.Add(noWait, b, false)
	return err
}

// noWait is a context that ended: whoever gets it must not wait.
var noWait = func() context.Context { //nolint:gochecknoglobals // a constant
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// unsent returns an error about a call on this connection of which nothing was sent.
func (c *Conn) unsent(code rpcx.Code, service, method string, why error) error {
	return rpcx.Unsent(code, "client: call %s.%s on %s: %w", service, method, c.addr, why)
}

var errTooManyPending = errors.New("as many calls wait for replies as may; see Option.MaxPending")

// errorf is fmt.Errorf under a name that does not hide where it is wrapped.
func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }
