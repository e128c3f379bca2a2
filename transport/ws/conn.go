// SPDX-License-Identifier: Apache-2.0

package ws

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/transport/internal/upgrade"
)

// conn is a WebSocket connection as a stream of bytes.
type conn struct {
	nc     net.Conn
	in     reader
	out    writer
	closed atomic.Bool
	once   sync.Once
	err    error // of Close
}

// tlsConn is a conn with TLS.
type tlsConn struct {
	*conn
	upgrade.Secured
}

// newConn returns the connection that nc has become. src reads from nc, and may have
// read from it already.
func newConn(nc net.Conn, src *bufio.Reader, client bool) net.Conn {
	c := &conn{nc: nc}
	c.out.conn, c.out.client = nc, client
	c.in.src, c.in.client, c.in.ping = src, client, c.out.pinged
	if secured, ok := nc.(upgrade.Secured); ok {
		return tlsConn{c, secured}
	}
	return c
}

// Read reads from the frames that come in, whatever kind of data they say they carry.
func (c *conn) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, c.failed("read", net.ErrClosed)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.in.read(p)
	if err == nil || err == io.EOF { //nolint:errorlint // readers look for the bare value
		return n, err
	}
	var broken violation
	switch {
	case errors.As(err, &broken):
		c.out.part(closeProtocol)
	case c.closed.Load():
		err = net.ErrClosed
	}
	return n, c.failed("read", err)
}

// Write sends p in a binary frame.
func (c *conn) Write(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, c.failed("write", net.ErrClosed)
	}
	n, err := c.out.write(p)
	return n, c.failed("write", err)
}

// WriteResumable tells those who write that a Write which timed out may be continued:
// it wrote as much as it says. That is so without TLS.
func (c *conn) WriteResumable() bool { return upgrade.Resumable(c.nc) }

// CloseWrite ends the direction to the peer with a close frame. The peer reads io.EOF
// after the last byte, and may go on to write if it is one of ours; others answer with
// the end of their direction. It sets the write deadline, to a second from now: nothing
// else is written any more.
func (c *conn) CloseWrite() error { return c.failed("close", c.out.closeWrite()) }

// Close ends both directions. The peer can still read what was written before. A second
// call does nothing.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.closed.Store(true)
		c.out.part(closeNormal)
		c.err = c.nc.Close()
		c.out.pongs.Wait()
	})
	return c.err
}

func (c *conn) LocalAddr() net.Addr  { return c.nc.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

func (c *conn) SetDeadline(t time.Time) error      { return c.nc.SetDeadline(t) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.nc.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.nc.SetWriteDeadline(t) }

// NetConn returns the connection below, which must not be read from or written to.
func (c *conn) NetConn() net.Conn { return c.nc }

// failed dresses an error that is ours as those of package net are.
func (c *conn) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	var dressed *net.OpError
	if errors.As(err, &dressed) {
		return err
	}
	return &net.OpError{Op: op, Net: "ws", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
