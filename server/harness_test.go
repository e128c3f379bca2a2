// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// patience is how long a test waits for what must happen; it passes only when the
// test fails.
const patience = time.Minute

// world is a server that serves, and what it takes to reach it.
type world struct {
	*server.Server
	t       testing.TB
	network string
	addr    string
	memory  *mem.Transport // nil on TCP
}

// inMemory starts a server in memory, in virtual time if the test runs in some.
func inMemory(t testing.TB, opts ...server.Option) *world {
	t.Helper()
	memory := mem.New()
	return start(t, &world{network: "mem", memory: memory}, append(opts, server.WithTransport(memory)))
}

// onTCP starts a server on a port of the loopback interface.
func onTCP(t testing.TB, opts ...server.Option) *world {
	t.Helper()
	return start(t, &world{network: "tcp", addr: "127.0.0.1:0"}, opts)
}

// start serves until the test ends; then nothing of the server may be left.
func start(t testing.TB, w *world, opts []server.Option) *world {
	t.Helper()
	quiet := server.WithLogger(slog.New(slog.DiscardHandler))
	w.t, w.Server = t, server.NewServer(append([]server.Option{quiet}, opts...)...)
	served := make(chan error, 1)
	go func() { served <- w.Serve(w.network, w.addr) }()
	<-w.Started()
	if w.Address() == nil {
		t.Fatal(<-served)
	}
	w.addr = w.Address().String()
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
	return w
}

// dialNet opens a connection that says nothing.
func (w *world) dialNet(t testing.TB) net.Conn {
	t.Helper()
	var nc net.Conn
	var err error
	if w.memory != nil {
		nc, err = w.memory.Dial(t.Context(), w.network, w.addr, transport.Settings{})
	} else {
		var d net.Dialer
		nc, err = d.DialContext(t.Context(), w.network, w.addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// dial opens a connection for frames, as a classic client does.
func (w *world) dial(t testing.TB) *peer {
	t.Helper()
	return newPeer(t, w.dialNet(t))
}

// option is opt with the transport of this world.
func (w *world) option(opt client.Option) client.Option {
	if w.memory != nil {
		opt.Transports = append(opt.Transports, w.memory)
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	return opt
}

// client returns a client of this project's for one service, under Failfast.
func (w *world) client(t testing.TB, service string, opt client.Option) *client.XClient {
	t.Helper()
	x := client.NewXClient(service, client.Failfast, client.RandomSelect,
		client.NewPeer2PeerDiscovery(w.network+"@"+w.addr, ""), w.option(opt))
	t.Cleanup(func() { x.Close() })
	return x
}

// conn returns one connection of this project's client.
func (w *world) conn(t testing.TB, opt client.Option) *client.Conn {
	t.Helper()
	c, err := client.Dial(t.Context(), w.network, w.addr, w.option(opt))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// onlyConn returns the server's side of the one connection that is open.
func (w *world) onlyConn() *server.Conn {
	w.t.Helper()
	eventually(w.t, "one connection is open", func() bool { return len(w.Conns()) == 1 })
	return w.Conns()[0]
}

// mustWork makes a good call on a connection of its own.
func (w *world) mustWork(t testing.TB) {
	t.Helper()
	p := w.dial(t)
	defer p.Close()
	if got := p.call(request("Arith", "Mul", `{"A":6,"B":7}`)); string(got.Payload) != `{"C":42}` {
		t.Errorf("a good call is answered with %s %v", got.Payload, got.Metadata.Map())
	}
}

// peer is a connection on which a test sends and receives frames by itself.
type peer struct {
	net.Conn
	t      testing.TB
	frames *protocol.Reader
}

func newPeer(t testing.TB, nc net.Conn) *peer {
	return &peer{Conn: nc, t: t, frames: protocol.NewReader(nc, protocol.Limits{Frame: 1 << 30})}
}

// send sends frames in one write.
func (p *peer) send(ms ...*protocol.Message) {
	p.t.Helper()
	if _, err := p.Write(encode(p.t, ms...)); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

// receive returns the next frame.
func (p *peer) receive() *protocol.Message {
	p.t.Helper()
	m, err := p.next()
	if err != nil {
		p.t.Fatalf("receive: %v", err)
	}
	return m
}

func (p *peer) next() (*protocol.Message, error) {
	_ = p.SetReadDeadline(time.Now().Add(patience))
	f, err := p.frames.Next()
	if err != nil {
		return nil, err
	}
	return f.Message(), nil
}

// call sends one frame and returns the one that answers it.
func (p *peer) call(m *protocol.Message) *protocol.Message {
	p.t.Helper()
	p.send(m)
	got := p.receive()
	if got.Seq != m.Seq || got.Type != protocol.Response {
		p.t.Fatalf("the answer to %d is %v %d", m.Seq, got.Type, got.Seq)
	}
	return got
}

// closed checks that the server closes the connection without sending anything more.
func (p *peer) closed() {
	p.t.Helper()
	if m, err := p.next(); err == nil {
		p.t.Errorf("received %s.%s %s %v, want the connection to be closed", m.Service, m.Method, m.Payload, m.Metadata.Map())
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Errorf("the connection is still open after %v", patience)
	}
}

// silent checks that nothing came but the answer to a call that is made now.
func (p *peer) silent() {
	p.t.Helper()
	const seq = 1 << 40
	m := request("Arith", "Mul", `{"A":6,"B":7}`)
	m.Seq = seq
	p.send(m)
	if got := p.receive(); got.Seq != seq {
		p.t.Errorf("received an answer to %d: %s %v, want none", got.Seq, got.Payload, got.Metadata.Map())
	}
}

// hello makes the exchange of capabilities, as this project's client does.
func (p *peer) hello() {
	p.t.Helper()
	p.send(&protocol.Message{
		Header:   protocol.Header{Heartbeat: true},
		Metadata: rpcx.Pairs("__rpcx_offer", "cancel drain"),
	})
	if got := p.receive().Metadata.Get("__rpcx_accept"); !strings.HasPrefix(got, "cancel drain") {
		p.t.Fatalf("the server accepts %q", got)
	}
}

// request is a call with JSON arguments.
func request(service, method, payload string) *protocol.Message {
	return &protocol.Message{
		Header:  protocol.Header{Serialize: protocol.JSON, Seq: 1},
		Service: service,
		Method:  method,
		Payload: []byte(payload),
	}
}

// with returns m with metadata.
func with(m *protocol.Message, keysAndValues ...string) *protocol.Message {
	m.Metadata = rpcx.Pairs(keysAndValues...)
	return m
}

// numbered returns m with a sequence id.
func numbered(seq uint64, m *protocol.Message) *protocol.Message {
	m.Seq = seq
	return m
}

func oneway(m *protocol.Message) *protocol.Message {
	m.Oneway = true
	return m
}

// cancelFrame gives up the call with a sequence id.
func cancelFrame(seq uint64) *protocol.Message {
	return &protocol.Message{Header: protocol.Header{Oneway: true, Seq: seq}, Service: "_rpcx", Method: "cancel"}
}

func encode(t testing.TB, ms ...*protocol.Message) []byte {
	t.Helper()
	var b []byte
	for _, m := range ms {
		var err error
		if b, err = m.AppendBinary(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// errorText and errorCode are what an answer says that went wrong.
func errorText(m *protocol.Message) string { return m.Metadata.Get("__rpcx_error__") }
func errorCode(m *protocol.Message) string { return m.Metadata.Get("__rpcx_code") }

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(patience)
	for !holds() {
		if now := <-ticker.C; now.After(deadline) {
			t.Fatalf("it never came true that %s", what)
		}
	}
}

// wait waits until ch is closed or yields a value.
func wait[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-ch:
		return v
	case <-timer.C:
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// The service that most tests call.
type (
	Args  struct{ A, B int }
	Reply struct{ C int }
	Arith struct{}
)

func (Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

// Fail sets the reply and fails all the same.
func (Arith) Fail(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A
	return errors.New("arith failed: 除零")
}

// arith registers the service.
func (w *world) arith() *world {
	w.t.Helper()
	if err := w.RegisterName("Arith", Arith{}, ""); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// handle registers a handler of Args and Reply as S.name, beside Arith.
func (w *world) handle(name string, h func(ctx context.Context, args *Args, reply *Reply) error) *world {
	w.t.Helper()
	if err := server.Handle(w.Server, "S", name, h); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// blocker is a handler that says when it has begun and returns when it is released or
// its context ends.
type blocker struct {
	began, ended chan error
	release      chan struct{}
}

func newBlocker() *blocker {
	return &blocker{began: make(chan error, 1<<16), ended: make(chan error, 1<<16), release: make(chan struct{})}
}

func (b *blocker) handle(ctx context.Context, args *Args, reply *Reply) error {
	b.began <- nil
	select {
	case <-b.release:
		b.ended <- nil
		reply.C = args.A * args.B
		return nil
	case <-ctx.Done():
		b.ended <- ctx.Err()
		return ctx.Err()
	}
}

// drainAll reads a connection to its end and returns what came.
func drainAll(nc net.Conn) []byte {
	all, _ := io.ReadAll(nc)
	return all
}
