// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// The keys and names of what this project adds to the protocol, as spec.md has them.
const (
	offerKey   = "__rpcx_offer"
	acceptKey  = "__rpcx_accept"
	timeoutKey = "__ServerTimeout"
	authKey    = "__AUTH"
	control    = "_rpcx"
)

// peer is a server that does what its test says: it accepts connections, in memory,
// and the test reads frames off them and answers, or not.
type peer struct {
	t    testing.TB
	net  *mem.Transport
	name string

	mu    sync.Mutex
	ln    net.Listener
	wires []*wire
	tasks sync.WaitGroup
	conns chan *wire // that nobody has accepted yet
	serve func(w *wire)
}

// newPeer starts a peer on a network of its own.
func newPeer(t testing.TB) *peer {
	t.Helper()
	return listenOn(t, mem.New(), "peer")
}

// listenOn starts a peer under a name.
func listenOn(t testing.TB, network *mem.Transport, name string) *peer {
	t.Helper()
	p := &peer{t: t, net: network, name: name, conns: make(chan *wire, 1000)}
	t.Cleanup(p.close)
	p.listen()
	return p
}

// listen begins to accept connections, for the first time or again.
func (p *peer) listen() {
	p.t.Helper()
	ln, err := p.net.Listen(p.t.Context(), "mem", p.name, transport.Settings{})
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.ln = ln
	p.mu.Unlock()
	p.tasks.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			p.take(&wire{Conn: nc, t: p.t, in: protocol.NewReader(nc, protocol.Limits{})})
		}
	})
}

func (p *peer) take(w *wire) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wires = append(p.wires, w)
	if p.serve != nil {
		p.tasks.Go(func() { p.serve(w) })
		return
	}
	p.conns <- w
}

// answer serves all further connections with f, which gets their requests in order.
// Hellos are answered as a classic server does.
func (p *peer) answer(f func(w *wire, m *protocol.Message)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serve = func(w *wire) {
		for {
			m, err := w.read()
			switch {
			case err != nil:
				return
			case m.Heartbeat:
				w.echo(m)
			default:
				f(w, m)
			}
		}
	}
}

// refuse stops accepting: who dials is refused. Connections live on.
func (p *peer) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ln.Close()
}

// cut closes every connection.
func (p *peer) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.wires {
		w.Close()
	}
}

func (p *peer) close() {
	p.refuse()
	p.cut()
	p.tasks.Wait()
}

// accepted returns how many connections there have been.
func (p *peer) accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.wires)
}

// key is where discovery finds the peer.
func (p *peer) key() string { return "mem@" + p.name }

// option returns opt with what a client needs to reach the peer.
func (p *peer) option(opt client.Option) client.Option {
	opt.Transports = append([]transport.Transport{p.net}, opt.Transports...)
	if opt.Logger == nil {
		opt.Logger = quiet()
	}
	return opt
}

// dial connects to the peer. The hello was read and not answered.
func (p *peer) dial(opt client.Option) (*client.Conn, *wire) {
	p.t.Helper()
	c, err := client.Dial(p.t.Context(), "mem", p.name, p.option(opt))
	if err != nil {
		p.t.Fatal(err)
	}
	closing(p.t, c)
	return c, p.accept()
}

// client returns a client of the service S at this peer.
func (p *peer) client(mode client.FailMode, opt client.Option) *client.XClient {
	p.t.Helper()
	x := client.NewXClient("S", mode, client.RandomSelect, client.NewPeer2PeerDiscovery(p.key(), ""), p.option(opt))
	closing(p.t, x)
	return x
}

// accept returns the next connection, its hello read and not answered.
func (p *peer) accept() *wire {
	p.t.Helper()
	w := receive(p.t, p.conns, "a connection")
	w.hello = w.next()
	if !w.hello.Heartbeat {
		p.t.Fatalf("the first frame is no hello: %+v", w.hello)
	}
	return w
}

// wire is the peer's end of a connection.
type wire struct {
	net.Conn
	t     testing.TB
	in    *protocol.Reader
	hello *protocol.Message
	write sync.Mutex
}

// read returns the next frame. Any goroutine may call it.
func (w *wire) read() (*protocol.Message, error) {
	f, err := w.in.Next()
	if err != nil {
		return nil, err
	}
	return f.Message(), nil
}

// next returns the next frame, which must come.
func (w *wire) next() *protocol.Message {
	w.t.Helper()
	_ = w.SetReadDeadline(time.Now().Add(patience))
	m, err := w.read()
	if err != nil {
		w.t.Fatalf("read a frame: %v", err)
	}
	return m
}

// wantEnd checks that the client closes the connection and sends nothing before.
func (w *wire) wantEnd() {
	w.t.Helper()
	_ = w.SetReadDeadline(time.Now().Add(patience))
	if m, err := w.read(); err == nil {
		w.t.Errorf("got %+v, want the end of the connection", m)
	}
}

// send sends a frame.
func (w *wire) send(m *protocol.Message) {
	b, err := m.AppendBinary(nil)
	if err != nil {
		w.t.Errorf("encode a frame: %v", err)
	}
	w.sendBytes(b)
}

// sendBytes sends anything. A client that is gone does not get it.
func (w *wire) sendBytes(b []byte) {
	w.write.Lock()
	defer w.write.Unlock()
	_, _ = w.Write(b)
}

// answerTo is the frame that answers m.
func answerTo(m *protocol.Message, payload string) *protocol.Message {
	h := m.Header
	h.Type, h.Compress = protocol.Response, protocol.None
	return &protocol.Message{Header: h, Service: m.Service, Method: m.Method, Payload: []byte(payload)}
}

// reply answers m.
func (w *wire) reply(m *protocol.Message, payload string) { w.send(answerTo(m, payload)) }

// replyError answers m with an error.
func (w *wire) replyError(m *protocol.Message, err error) {
	a := answerTo(m, "")
	a.Status = protocol.Error
	a.Metadata, _ = protocol.ParseMetadata(rpcx.AppendWireError(nil, err))
	w.send(a)
}

// echo answers a heartbeat as a classic server does.
func (w *wire) echo(m *protocol.Message) {
	a := *m
	a.Type = protocol.Response
	w.send(&a)
}

// accept answers the hello as a server with the given capabilities does, and waits
// until the client has read that.
func (w *wire) accept(c *client.Conn, tokens string) {
	w.t.Helper()
	a := answerTo(w.hello, "")
	a.Metadata = rpcx.Pairs(acceptKey, tokens)
	w.send(a)
	w.sync(c)
}

// sync waits until the client has read everything that was sent so far.
func (w *wire) sync(c *client.Conn) {
	w.t.Helper()
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	go func() {
		_, err := c.Heartbeat(ctx)
		done <- err
	}()
	w.echo(w.next())
	if err := receive(w.t, done, "the answer to a heartbeat"); err != nil {
		w.t.Fatalf("heartbeat: %v", err)
	}
}

// drain tells the client to open no new calls.
func (w *wire) drain() {
	w.send(&protocol.Message{Header: protocol.Header{Oneway: true}, Service: control, Method: "drain"})
}

// push sends a message that the client did not ask for.
func (w *wire) push(method string) {
	w.send(&protocol.Message{Header: protocol.Header{Oneway: true}, Service: "news", Method: method, Payload: []byte(method)})
}
