// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// Pipe returns the two ends of a connection of its own, without a listener: what is
// written to one end is read from the other.
func Pipe() (net.Conn, net.Conn) { return pipe("pipe-a", "pipe-b") }

func pipe(client, server addr) (*conn, *conn) {
	there, back := newHalf(), newHalf()
	return &conn{in: back, out: there, local: client, remote: server},
		&conn{in: there, out: back, local: server, remote: client}
}

// conn is one end of a connection.
type conn struct {
	in, out       *half
	local, remote addr
	closed        atomic.Bool
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.failed("read", err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.failed("write", err)
}

// Close ends both directions. The peer can still read what was written before. A
// second call does nothing.
func (c *conn) Close() error {
	c.closed.Store(true)
	c.out.closeWrite()
	c.in.closeRead()
	return nil
}

// CloseWrite ends the direction to the peer, which reads io.EOF after the last byte.
func (c *conn) CloseWrite() error {
	c.out.closeWrite()
	return nil
}

// WriteResumable tells those who write that a Write which timed out may be continued:
// it wrote as much as it says.
func (c *conn) WriteResumable() bool { return true }

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.failed("set", net.ErrClosed)
	}
	c.in.setReadDeadline(t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.failed("set", net.ErrClosed)
	}
	c.out.setWriteDeadline(t)
	return nil
}

// failed dresses an error as those of other networks are.
func (c *conn) failed(op string, err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // ours, and readers look for the bare value
		return err
	}
	return &net.OpError{Op: op, Net: network, Source: c.local, Addr: c.remote, Err: err}
}

// addr is the name of a listener, or of the client's end of a connection.
type addr string

func (addr) Network() string  { return network }
func (a addr) String() string { return string(a) }
