// SPDX-License-Identifier: Apache-2.0

// Package upgrade has what transports share whose connections begin as HTTP requests:
// a listener that is fed by an http.Handler, a small HTTP server for transports that
// listen by themselves, and the client's way from a dial to the end of the greeting.
package upgrade

import (
	"net"
	"os"
	"sync"
	"time"
)

// Queue is a net.Listener of connections that somebody else has accepted.
type Queue struct {
	addr  net.Addr
	conns chan net.Conn // from Deliver straight to Accept

	mu      sync.Mutex // guards what follows
	by      time.Time  // the deadline of Accept; zero: none
	changed chan struct{}
	done    chan struct{} // closed with err set
	err     error         // why nothing is accepted any more
}

// NewQueue returns a listener that says that it is at addr.
func NewQueue(addr net.Addr) *Queue {
	return &Queue{addr: addr, conns: make(chan net.Conn), changed: make(chan struct{}), done: make(chan struct{})}
}

// Deliver hands conn to somebody in Accept. It reports false when the queue is closed,
// or nobody came for it in time; conn is then still the caller's.
func (q *Queue) Deliver(conn net.Conn, timeout time.Duration) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case q.conns <- conn:
		return true
	case <-q.done:
	case <-timer.C:
	}
	return false
}

// Accept returns the next connection that is delivered.
func (q *Queue) Accept() (net.Conn, error) {
	for {
		select {
		case <-q.done: // before a connection that may wait as well
			return nil, q.failed(q.err)
		default:
		}
		by, changed := q.deadline()
		var expired <-chan time.Time
		if !by.IsZero() {
			expired = time.After(time.Until(by))
		}
		select {
		case conn := <-q.conns:
			return conn, nil
		case <-expired:
			return nil, q.failed(os.ErrDeadlineExceeded)
		case <-q.done:
		case <-changed:
		}
	}
}

func (q *Queue) deadline() (time.Time, <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.by, q.changed
}

// SetDeadline bounds Accept, also one that waits already. The zero time is no bound.
func (q *Queue) SetDeadline(t time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.by = t
	close(q.changed)
	q.changed = make(chan struct{})
	return nil
}

// Close ends every Accept and Deliver. Connections that were accepted live on. A second
// call does nothing.
func (q *Queue) Close() error {
	q.end(net.ErrClosed)
	return nil
}

// end is Close for another reason.
func (q *Queue) end(reason error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = reason
		close(q.done)
	}
}

// IsClosed reports whether Close was called.
func (q *Queue) IsClosed() bool {
	select {
	case <-q.done:
		return true
	default:
		return false
	}
}

// Addr returns the address that NewQueue was given.
func (q *Queue) Addr() net.Addr { return q.addr }

func (q *Queue) failed(err error) error {
	return &net.OpError{Op: "accept", Net: q.addr.Network(), Addr: q.addr, Err: err}
}
