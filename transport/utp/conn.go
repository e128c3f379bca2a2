// SPDX-License-Identifier: Apache-2.0

package utp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is a connection of the library with the errors of package net, and with deadlines
// that go before data.
type conn struct {
	stream        net.Conn
	local, remote net.Addr

	mu              sync.Mutex // guards what follows
	readBy, writeBy time.Time
	closed          bool
	ended           bool // the peer has closed: it does not read either
}

func (c *conn) Read(p []byte) (int, error) {
	if err := c.before(&c.readBy); err != nil {
		return 0, c.failed("read", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.stream.Read(p)
	if n > 0 {
		return n, nil
	}
	return 0, c.failed("read", err)
}

func (c *conn) Write(p []byte) (int, error) {
	if err := c.before(&c.writeBy); err != nil {
		return 0, c.failed("write", err)
	}
	if c.peerEnded() {
		return 0, c.failed("write", syscall.EPIPE)
	}
	n, err := c.stream.Write(p)
	return n, c.failed("write", err)
}

// before says why not to read or write.
func (c *conn) before(deadline *time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return net.ErrClosed
	case !deadline.IsZero() && !time.Now().Before(*deadline):
		return os.ErrDeadlineExceeded
	default:
		return nil
	}
}

func (c *conn) peerEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// WriteResumable tells those who write that a Write which timed out may be continued:
// it wrote as much as it says.
func (c *conn) WriteResumable() bool { return true }

// Close ends both directions. What was written before still reaches the peer. A second
// call does nothing.
func (c *conn) Close() error {
	c.mu.Lock()
	already := c.closed
	c.closed = true
	c.mu.Unlock()
	if already {
		return nil
	}
	return c.stream.Close()
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	return c.deadline(func() error {
		c.readBy, c.writeBy = t, t
		return c.stream.SetDeadline(t)
	})
}

func (c *conn) SetReadDeadline(t time.Time) error {
	return c.deadline(func() error {
		c.readBy = t
		return c.stream.SetReadDeadline(t)
	})
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.deadline(func() error {
		c.writeBy = t
		return c.stream.SetWriteDeadline(t)
	})
}

func (c *conn) deadline(set func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.dress("set", net.ErrClosed)
	}
	return c.dress("set", set())
}

// failed makes an error of the library one of package net.
func (c *conn) failed(op string, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case c.closed:
		err = net.ErrClosed
	case err == io.EOF: //nolint:errorlint // the library's, and readers look for the bare value
		c.ended = true
		return err
	case errors.As(err, &timeout) && timeout.Timeout() && c.timedOut(op):
		err = os.ErrDeadlineExceeded
	}
	return c.dress(op, err)
}

// timedOut reports whether there is a deadline: the library also calls it a timeout
// when a peer acknowledges nothing, and that is for good.
func (c *conn) timedOut(op string) bool {
	by := c.readBy
	if op == "write" {
		by = c.writeBy
	}
	return !by.IsZero() && !time.Now().Before(by)
}

// dress says where an error happened.
func (c *conn) dress(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: network, Source: c.local, Addr: c.remote, Err: err}
}
