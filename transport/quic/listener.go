// SPDX-License-Identifier: Apache-2.0

package quic

import (
	"context"
	"net"
	"sync"
	"time"

	quicgo "github.com/quic-go/quic-go"
)

// streamless is how long a connection may be without any stream.
const streamless = 10 * time.Second

// listener accepts the streams of all connections to its address.
type listener struct {
	accepting *quicgo.Listener
	arrived   chan *conn
	closed    chan struct{}
	once      sync.Once
	running   sync.WaitGroup

	mu       sync.Mutex
	sessions map[*session]struct{}
}

func newListener(accepting *quicgo.Listener) *listener {
	return &listener{
		accepting: accepting,
		arrived:   make(chan *conn),
		closed:    make(chan struct{}),
		sessions:  make(map[*session]struct{}),
	}
}

// run takes connections until the listener is closed, and returns when all have ended.
func (l *listener) run() {
	for {
		conn, err := l.accepting.Accept(context.Background())
		if err != nil {
			break
		}
		l.running.Go(func() { l.serve(conn) })
	}
	_ = l.Close() // it failed, where it was not closed
	l.running.Wait()
}

// serve takes the streams of a connection until it ends.
func (l *listener) serve(qc *quicgo.Conn) {
	s := newSession(qc, l.Addr(), &l.running, nil)
	s.grace = func() time.Duration { return l.grace(s) }
	l.add(s)
	defer l.remove(s)
	for {
		stream, err := qc.AcceptStream(context.Background())
		if err != nil {
			return
		}
		c := newConn(s, stream)
		if !s.acquire() {
			stream.CancelRead(codeRefused)
			stream.CancelWrite(codeRefused)
			continue
		}
		l.running.Go(func() { l.deliver(c) })
	}
}

// deliver hands a stream to Accept.
func (l *listener) deliver(c *conn) {
	if !c.session.single && !c.announced() {
		c.abort(codeRefused)
		return
	}
	select {
	case <-l.closed: // before somebody who may be in Accept as well
		c.abort(codeRefused)
		return
	default:
	}
	select {
	case l.arrived <- c:
	case <-l.closed:
		c.abort(codeRefused)
	case <-c.session.conn.Context().Done():
		c.abort(codeRefused)
	}
}

// announced reads what a client begins a stream with.
func (c *conn) announced() bool {
	_ = c.stream.SetReadDeadline(time.Now().Add(streamless)) // never fails
	b := make([]byte, 1)
	n, _ := c.stream.Read(b)
	_ = c.stream.SetReadDeadline(time.Time{})
	return n == 1 && b[0] == greeting
}

// Accept returns the next stream that a client has opened. One of real rpcx shows when
// something was written to it.
func (l *listener) Accept() (net.Conn, error) {
	for {
		select {
		case <-l.closed:
			return nil, l.failed()
		default:
		}
		select {
		case c := <-l.arrived:
			c.accept()
			if c.session.single {
				return c, nil
			}
			if _, err := c.stream.Write([]byte{greeting}); err == nil {
				return c, nil
			}
			c.abort(codeNone) // the client is gone
		case <-l.closed:
			return nil, l.failed()
		}
	}
}

// Close ends every Accept and refuses new connections and streams. Streams that were
// accepted live on, and the address is taken until they have ended. A second call does
// nothing.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.closed)
		err = l.accepting.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		for s := range l.sessions {
			s.hurry()
		}
	})
	return err
}

func (l *listener) Addr() net.Addr { return l.accepting.Addr() }

// grace is how long a connection may be without streams. It is the client's to end it
// but for one of real rpcx, and for a server that ends: these wait until its last bytes
// should have arrived.
func (l *listener) grace(s *session) time.Duration {
	select {
	case <-l.closed:
		return linger
	default:
	}
	if s.single {
		return linger
	}
	return streamless
}

func (l *listener) add(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[s] = struct{}{}
	select {
	case <-l.closed:
		s.hurry()
	default:
	}
}

func (l *listener) remove(s *session) {
	s.reaper.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sessions, s)
}

func (l *listener) failed() error {
	return &net.OpError{Op: "accept", Net: network, Addr: l.Addr(), Err: net.ErrClosed}
}
