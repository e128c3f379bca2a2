// SPDX-License-Identifier: Apache-2.0

package kcp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	kcpgo "github.com/xtaci/kcp-go/v5"
)

// chunk is how much is handed to the session at once. It takes all or nothing, so
// this bounds by how much it overshoots its window.
const chunk = 64 << 10

// conn is a session as a connection of package net: with an end, and with deadlines that
// wake who waits and go before data.
type conn struct {
	session *kcpgo.UDPSession
	running *sync.WaitGroup
	release func() // called when the session has ended

	reading, writing sync.Mutex
	written          atomic.Int64

	mu              sync.Mutex // guards what follows, and the session's deadlines
	readBy, writeBy time.Time
	received        int64
	end             int64     // how many bytes there will be
	endBy           time.Time // they are waited for until then; zero: end is not known
	closed          bool
}

func newConn(session *kcpgo.UDPSession, config *Config, running *sync.WaitGroup, release func()) *conn {
	c := &conn{session: session, running: running, release: release}
	config.tune(session)
	_ = session.SetOOBHandler(c.beside) // not without FEC
	return c
}

// beside takes a packet that is not of the stream.
func (c *conn) beside(b []byte) {
	written, ok := parseFarewell(b)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.endBy.IsZero() {
		return
	}
	c.end, c.endBy = written, time.Now().Add(patience)
	c.wake()
}

// wake has who waits look again. c.mu is held.
func (c *conn) wake() { _ = c.session.SetDeadline(time.Unix(1, 0)) } // never fails

func (c *conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		if err := c.beforeRead(); err != nil {
			return 0, c.failed("read", err)
		}
		if len(p) == 0 {
			return 0, nil
		}
		n, err := c.session.Read(p)
		if n > 0 {
			c.mu.Lock()
			c.received += int64(n)
			c.mu.Unlock()
			return n, nil
		}
		if err != nil && !isTimeout(err) {
			return 0, c.failed("read", err)
		}
	}
}

// beforeRead says why not to read, or until when to wait for data.
func (c *conn) beforeRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	by := c.readBy
	switch {
	case c.closed:
		return net.ErrClosed
	case passed(by, now):
		return os.ErrDeadlineExceeded
	case c.endBy.IsZero():
	case c.received >= c.end:
		return io.EOF
	case passed(c.endBy, now):
		return io.ErrUnexpectedEOF
	case by.IsZero() || c.endBy.Before(by):
		by = c.endBy
	}
	return c.session.SetReadDeadline(orLater(by, now))
}

func (c *conn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for {
		if err := c.beforeWrite(); err != nil {
			return n, c.failed("write", err)
		}
		if n == len(p) {
			return n, nil
		}
		k, err := c.session.Write(p[n:min(len(p), n+chunk)])
		n += k
		c.written.Add(int64(k))
		switch {
		case err != nil && !isTimeout(err):
			return n, c.failed("write", err)
		case n == len(p):
			return n, nil // whatever has become of the connection since
		}
	}
}

// beforeWrite says why not to write, or until when to wait for room.
func (c *conn) beforeWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.closed:
		return net.ErrClosed
	case passed(c.writeBy, now):
		return os.ErrDeadlineExceeded
	case !c.endBy.IsZero():
		return syscall.EPIPE
	}
	return c.session.SetWriteDeadline(orLater(c.writeBy, now))
}

// WriteResumable tells those who write that a Write which timed out may be continued:
// it wrote as much as it says.
func (c *conn) WriteResumable() bool { return true }

// Close ends both directions. What was written before still reaches the peer, unless the
// line is down for a second. A second call does nothing.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.wake()
	c.running.Go(func() {
		c.writing.Lock() // until the last Write has returned
		defer c.writing.Unlock()
		c.part()
	})
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.session.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.session.RemoteAddr() }

func (c *conn) SetDeadline(t time.Time) error {
	return c.deadline(func() { c.readBy, c.writeBy = t, t })
}

func (c *conn) SetReadDeadline(t time.Time) error {
	return c.deadline(func() { c.readBy = t })
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.deadline(func() { c.writeBy = t })
}

func (c *conn) deadline(set func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.failed("set", net.ErrClosed)
	}
	set()
	c.wake()
	return nil
}

// failed dresses an error as those of package net are.
func (c *conn) failed(op string, err error) error {
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // ours, and readers look for the bare value
		return err
	case errors.Is(err, io.ErrClosedPipe):
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: network, Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func passed(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

// orLater returns a deadline for none: a session that waits without one does not learn of
// one that is set meanwhile.
func orLater(deadline, now time.Time) time.Time {
	if deadline.IsZero() {
		return now.Add(24 * time.Hour)
	}
	return deadline
}
