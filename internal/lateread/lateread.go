// SPDX-License-Identifier: Apache-2.0

// Package lateread reads from a socket with memory that is only taken once there is
// something to read, so that a connection which waits holds none.
package lateread

import (
	"io"
	"net"
	"syscall"
)

// Space lends the memory that is read into.
type Space interface {
	// Take returns it. It is not empty.
	Take() []byte
	// Drop gives it back unused.
	Drop()
}

// Conn is a socket that can be read late. One goroutine at a time may read it.
type Conn struct {
	net.Conn

	raw   syscall.RawConn
	space Space
	n     int
	err   error
	try   func(fd uintptr) bool // c.attempt, made once
}

// New returns nc as a Conn, nil if that cannot be: it is no socket, or the system does
// not offer what is needed.
func New(nc net.Conn) *Conn {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil // SyscallConn of a wrapper would read around it
	}
	sc, ok := nc.(syscall.Conn)
	if !ok || !supported {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	c := &Conn{Conn: nc, raw: raw}
	c.try = c.attempt
	return c
}

// ReadLate waits until there is something to read and reads it into what space lends,
// which is not given back then. Otherwise it is as the Read of the socket, deadline and
// errors included.
func (c *Conn) ReadLate(space Space) (int, error) {
	c.space, c.n, c.err = space, 0, nil
	err := c.raw.Read(c.try)
	c.space = nil
	switch {
	case err != nil:
		return 0, err
	case c.err != nil:
		return 0, &net.OpError{Op: "read", Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: c.err}
	case c.n == 0:
		return 0, io.EOF
	default:
		return c.n, nil
	}
}

// attempt reads once, and reports false when there is nothing to read yet.
func (c *Conn) attempt(fd uintptr) bool {
	n, err := read(fd, c.space.Take())
	if n > 0 {
		c.n = n
		return true
	}
	c.space.Drop()
	if again(err) {
		return false
	}
	c.err = err
	return true
}
