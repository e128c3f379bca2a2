// SPDX-License-Identifier: Apache-2.0

package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	quicgo "github.com/quic-go/quic-go"
)

const (
	// linger is how long after Close a stream waits for its peer to end as well, which
	// shows that everything has arrived.
	linger = 3 * time.Second
	// overrun is how much a peer may send meanwhile.
	overrun = 1 << 20
)

// conn is a stream as a connection.
type conn struct {
	stream  *quicgo.Stream
	session *session

	accepted bool // by a listener, and given to somebody

	reading, writing sync.Mutex // held by Read and Write: quic-go has Close wait for them

	mu     sync.Mutex // makes closing and the change of a deadline one after the other
	closed bool
}

func newConn(s *session, stream *quicgo.Stream) *conn { return &conn{session: s, stream: stream} }

func (c *conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.isClosed() {
		return 0, c.failed("read", net.ErrClosed)
	}
	n, err := c.stream.Read(p)
	return n, c.failed("read", err)
}

func (c *conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.isClosed() {
		return 0, c.failed("write", net.ErrClosed)
	}
	n, err := c.stream.Write(p)
	return n, c.failed("write", err)
}

// WriteResumable tells those who write that a Write which timed out may be continued:
// it wrote as much as it says.
func (c *conn) WriteResumable() bool { return true }

// Close ends both directions. What was written before still reaches the peer. A second
// call does nothing.
func (c *conn) Close() error {
	if !c.close() {
		return nil
	}
	c.writing.Lock()
	_ = c.stream.Close() // its error says that it was closed before
	c.writing.Unlock()
	c.session.running.Go(c.part)
	return nil
}

// close wakes who reads or writes. It reports false if that was done before.
func (c *conn) close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.closed = true
	_ = c.stream.SetDeadline(time.Unix(1, 0)) // never fails
	return true
}

// part waits until the peer has ended its direction too, drops what it still sends, and
// lets the stream go.
func (c *conn) part() {
	defer c.session.release()
	defer c.leave()
	c.reading.Lock()
	defer c.reading.Unlock()
	_ = c.stream.SetReadDeadline(time.Now().Add(linger)) // never fails
	_, _ = io.CopyN(io.Discard, c.stream, overrun)       // whatever ends it
	c.stream.CancelRead(codeNone)
}

// abort ends a stream that nobody was given.
func (c *conn) abort(code quicgo.StreamErrorCode) {
	c.stream.CancelRead(code)
	c.stream.CancelWrite(code)
	c.leave()
	c.session.release()
}

// accept notes that somebody is given the stream.
func (c *conn) accept() {
	c.accepted = true
	c.session.guest.serve(1)
}

// leave notes that he has closed it.
func (c *conn) leave() {
	if c.accepted {
		c.accepted = false
		c.session.guest.serve(-1)
	}
}

// CloseWrite ends the direction to the peer, which reads io.EOF after the last byte.
func (c *conn) CloseWrite() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.failed("close", c.stream.Close())
}

func (c *conn) LocalAddr() net.Addr  { return c.session.local }
func (c *conn) RemoteAddr() net.Addr { return c.session.conn.RemoteAddr() }

// ConnectionState returns what the handshake came to.
func (c *conn) ConnectionState() tls.ConnectionState { return c.session.conn.ConnectionState().TLS }

// HandshakeContext does nothing: the handshake ran before the connection was there. It
// makes the method set that of a *tls.Conn.
func (c *conn) HandshakeContext(context.Context) error { return nil }

func (c *conn) SetDeadline(t time.Time) error     { return c.deadline(c.stream.SetDeadline, t) }
func (c *conn) SetReadDeadline(t time.Time) error { return c.deadline(c.stream.SetReadDeadline, t) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.deadline(c.stream.SetWriteDeadline, t) }

func (c *conn) deadline(set func(time.Time) error, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.failed("set", net.ErrClosed)
	}
	return c.failed("set", set(t))
}

func (c *conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// failed dresses an error as those of package net are.
func (c *conn) failed(op string, err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // as readers do
		return err
	}
	var reset *quicgo.StreamError
	var ended *quicgo.ApplicationError
	switch {
	case c.isClosed():
		err = net.ErrClosed
	case errors.As(err, &reset) && reset.Remote, errors.As(err, &ended) && ended.Remote:
		if op == "read" && ended != nil && ended.ErrorCode == codeNone {
			return io.EOF
		}
		err = errors.Join(syscall.ECONNRESET, err)
	}
	return &net.OpError{Op: op, Net: network, Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
