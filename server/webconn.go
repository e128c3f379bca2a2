// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// webConn is a connection of ours in the hands of package http: it begins with what was
// read already, and tells when it is done with. It is also what a handler gets that takes
// a connection over.
type webConn struct {
	net.Conn // of conn; reading goes another way

	conn  *Conn
	first []byte // read, and not handed on
	state atomic.Int64
	once  sync.Once
	done  chan struct{} // closed when package http does not use it any more
}

func (w *webConn) Read(p []byte) (int, error) {
	if len(w.first) > 0 {
		n := copy(p, w.first)
		w.first = w.first[n:]
		return n, nil
	}
	return w.conn.in.Read(p)
}

// NetConn returns the connection below, a *net.TCPConn or *tls.Conn.
func (w *webConn) NetConn() net.Conn { return w.Conn }

// busy reports whether a request is served.
func (w *webConn) busy() bool { return http.ConnState(w.state.Load()) == http.StateActive }

// changed notes what package http does with the connection.
func (w *webConn) changed(state http.ConnState) {
	w.state.Store(int64(state))
	if state == http.StateClosed || state == http.StateHijacked {
		w.once.Do(func() { close(w.done) })
	}
}

// mayBeWeb reports whether HTTP is served on the connection.
func (c *Conn) mayBeWeb() bool { return !c.upgraded && c.server.web.on(c.peer.Network) }

// serveWeb serves HTTP on a connection that began with first.
func (c *Conn) serveWeb(first []byte) {
	w := &webConn{Conn: c.nc, conn: c, first: first, done: make(chan struct{})}
	w.state.Store(int64(http.StateActive)) // it has begun to speak
	c.web.Store(w)
	c.ready.Store(false) // for frames
	c.pushes.close()
	_ = c.server.web.http.Serve(&oneConn{conn: w, addr: c.nc.LocalAddr()}) // returns at once, and says so
	select {
	case <-w.done:
	case <-c.dying:
		if !w.busy() {
			<-w.done // it is not in the hands of the user
		}
	}
	if http.ConnState(w.state.Load()) == http.StateHijacked {
		c.letGo()
		return
	}
	c.stopReading(io.EOF)
}

// letGo forgets a connection that somebody has taken over.
func (c *Conn) letGo() {
	defer c.server.turns.Done()
	c.closing.Do(func() { c.server.dismiss(c) })
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
	return context.WithValue(ctx, webKey{}, w.conn)
}

// offersWeb reports whether a client's TLS hello names a version of HTTP.
func offersWeb(hello *tls.ClientHelloInfo) bool {
	for _, p := range hello.SupportedProtos {
		if p == "h2" || strings.HasPrefix(p, "http/") {
			return true
		}
	}
	return false
}
