// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/internal/httpcall"
)

// webConn is a connection of ours in the hands of package http: it begins with what was
// read already, and tells when it is done with. It is also what a handler gets that takes
// a connection over.
type webConn struct {
	net.Conn // of conn; reading goes another way

	conn  *Conn
	first []byte // read, and not handed on
	head  []byte // what it began with, as long as preface at most
	state atomic.Int64
	once  sync.Once
	done  chan struct{} // closed when package http does not use it any more
	began chan struct{} // holds one when a request may have begun since it was looked at
	pace  webPace
}

func newWebConn(c *Conn, first []byte) *webConn {
	w := &webConn{Conn: c.nc, conn: c, first: first, done: make(chan struct{}), began: make(chan struct{}, 1)}
	w.state.Store(int64(http.StateActive)) // it has begun to speak
	return w
}

// preface is what HTTP/2 begins with.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

func (w *webConn) Read(p []byte) (n int, err error) {
	switch {
	case len(w.first) > 0:
		n = copy(p, w.first)
		w.first = w.first[n:]
	case w.readsBody(p):
		w.pace.beginRead(w.Conn)
		n, err = w.conn.in.Read(p)
		w.pace.endRead(w.Conn, n)
	default:
		n, err = w.conn.in.Read(p)
	}
	if room := len(preface) - len(w.head); room > 0 {
		w.head = append(w.head, p[:min(n, room)]...)
	}
	return n, err
}

// readsBody reports whether a read into p is for the body of a request of HTTP/1. While
// it serves one, package http reads a single byte otherwise, to see whether the client is
// still there.
func (w *webConn) readsBody(p []byte) bool {
	return w.busy() && len(p) > 1 && string(w.head) != preface
}

// Write writes a piece at a time, each of which the client must take in time.
func (w *webConn) Write(p []byte) (written int, err error) {
	if http.ConnState(w.state.Load()) == http.StateHijacked {
		return w.Conn.Write(p)
	}
	for len(p) > 0 && err == nil {
		n := min(len(p), webPiece)
		w.pace.beginWrite(w.Conn)
		n, err = w.Conn.Write(p[:n])
		written, p = written+n, p[n:]
	}
	return written, err
}

// SetDeadline implements net.Conn.
func (w *webConn) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (w *webConn) SetReadDeadline(t time.Time) error { return w.pace.readUntil(w.Conn, t) }

// SetWriteDeadline implements net.Conn.
func (w *webConn) SetWriteDeadline(t time.Time) error { return w.pace.writeUntil(w.Conn, t) }

// NetConn returns the connection below, a *net.TCPConn or *tls.Conn.
func (w *webConn) NetConn() net.Conn { return w.Conn }

// busy reports whether a request is served.
func (w *webConn) busy() bool { return http.ConnState(w.state.Load()) == http.StateActive }

// changed notes what package http does with the connection. One that is taken over is
// let go before its handler goes on with it, and may want a place for it.
func (w *webConn) changed(state http.ConnState) {
	w.state.Store(int64(state))
	switch state {
	case http.StateActive:
		w.pace.reset()
		select {
		case w.began <- struct{}{}:
		default:
		}
	case http.StateHijacked:
		w.once.Do(func() {
			w.conn.letGo()
			close(w.done)
		})
	case http.StateClosed:
		w.once.Do(func() { close(w.done) })
	default:
	}
}

// wait waits until package http is done with the connection. When that is dying it does not
// wait for a request, which is in the hands of the user, even if it only begins by then:
// requests may follow each other without a pause.
func (w *webConn) wait(dying <-chan struct{}) {
	select {
	case <-w.done:
		return
	case <-dying:
	}
	for !w.busy() {
		select {
		case <-w.done:
			return
		case <-w.began:
		}
	}
}

// mayBeWeb reports whether HTTP is served on the connection.
func (c *Conn) mayBeWeb() bool { return !c.upgraded && c.server.web.on(c.peer.Network) }

// serveWeb serves HTTP on a connection that began with first.
func (c *Conn) serveWeb(first []byte) {
	w := newWebConn(c, first)
	w.pace.stall, w.pace.write = c.server.config.limits.Stall, c.server.config.limits.WriteTimeout
	c.web.Store(w)
	c.ready.Store(false) // for frames
	c.pushes.close()
	_ = c.server.web.http.Serve(&oneConn{conn: w, addr: c.nc.LocalAddr()}) // returns at once, and says so
	w.wait(c.dying)
	if http.ConnState(w.state.Load()) == http.StateHijacked {
		c.server.turns.Done()
		return
	}
	c.stopReading(io.EOF)
}

var errTakenOver = errors.New("server: a handler of HTTP has taken the connection over")

// letGo forgets a connection that somebody has taken over.
func (c *Conn) letGo() {
	c.closing.Do(func() { c.dismiss(errTakenOver) })
}

// oneConn is a listener that accepts one connection.
type oneConn struct {
	conn net.Conn
	addr net.Addr
}

// Accept implements net.Listener.
func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}

// Close implements net.Listener.
func (*oneConn) Close() error { return nil }

// Addr implements net.Listener.
func (l *oneConn) Addr() net.Addr { return l.addr }

// tlsState returns what TLS said on a connection, whatever lies around it; nil without.
func tlsState(nc net.Conn) *tls.ConnectionState {
	for {
		switch c := nc.(type) {
		case *webConn:
			return c.conn.peer.TLS
		case *tls.Conn:
			state := c.ConnectionState()
			return &state
		case interface{ NetConn() net.Conn }:
			nc = c.NetConn()
		default:
			return nil
		}
	}
}

// webKey is the key of the Conn in the context of a request.
type webKey struct{}

// webContext puts it there.
func webContext(ctx context.Context, nc net.Conn) context.Context {
	w, ok := nc.(*webConn)
	if !ok {
		return ctx
	}
	return context.WithValue(httpcall.WithNetwork(ctx, w.conn.peer.Network), webKey{}, w.conn)
}

// offersWeb reports whether a client's TLS hello names a version of HTTP that can be agreed
// on. One that names others only gets an answer that names none.
func offersWeb(hello *tls.ClientHelloInfo) bool {
	for _, p := range hello.SupportedProtos {
		if p == "h2" || p == "http/1.1" {
			return true
		}
	}
	return false
}
