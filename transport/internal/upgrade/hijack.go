// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Hijack takes over the connection that a request came on, and what its client sent
// after the request. Reading from it has no deadline; writing must be done within
// Timeout, until the caller sets another one.
func Hijack(w http.ResponseWriter) (conn net.Conn, early []byte, err error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if n := rw.Reader.Buffered(); n > 0 {
		seen, _ := rw.Reader.Peek(n) // they are there
		early = append(early, seen...)
	}
	if err := errors.Join(conn.SetReadDeadline(time.Time{}), conn.SetWriteDeadline(time.Now().Add(Timeout))); err != nil {
		_ = conn.Close() // nothing was promised
		return nil, nil, err
	}
	return conn, early, nil
}

// Secured is a connection with TLS: a *tls.Conn, or one around it.
type Secured interface {
	HandshakeContext(ctx context.Context) error
	ConnectionState() tls.ConnectionState
}

// WithEarly returns conn with the bytes that were read from it already before those
// that are still to come: conn itself if there are none.
func WithEarly(conn net.Conn, early []byte) net.Conn {
	if len(early) == 0 {
		return conn
	}
	c := &earlyConn{Conn: conn, early: early}
	if secured, ok := conn.(Secured); ok {
		return &earlyTLS{c, secured}
	}
	return c
}

type earlyConn struct {
	net.Conn

	early []byte
}

// earlyTLS is an earlyConn that tells who is at the other end.
type earlyTLS struct {
	*earlyConn
	Secured
}

// Read is not called by two at once: there is one reader of frames.
func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.early)
	c.early = c.early[n:]
	return n, nil
}

// CloseWrite ends the direction to the peer, where the connection below can.
func (c *earlyConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("half-close of a %T: %w", c.Conn, errors.ErrUnsupported)
	}
	return half.CloseWrite()
}

// WriteResumable is the connection's below.
func (c *earlyConn) WriteResumable() bool { return Resumable(c.Conn) }

// Resumable reports whether a Write to conn that timed out has written what it says,
// and may be continued.
func Resumable(conn net.Conn) bool {
	switch c := conn.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	case interface{ WriteResumable() bool }:
		return c.WriteResumable()
	default:
		return false
	}
}
