// SPDX-License-Identifier: Apache-2.0

package kcp

import (
	"fmt"
	"net"
	"sync"
	"time"

	kcpgo "github.com/xtaci/kcp-go/v5"
)

const (
	// memory is how long packets of a connection that has ended may still be on their way.
	memory = 30 * time.Second
	// remembered is of how many connections that is known, at least, when as many have ended
	// lately; twice as many at most.
	remembered = 1 << 14
)

// listener accepts sessions. They share its socket, which is therefore open until the
// last of them has ended.
type listener struct {
	accepting *kcpgo.Listener
	socket    net.PacketConn
	config    *Config
	running   *sync.WaitGroup
	arrived   chan *conn
	closed    chan struct{}
	once      sync.Once

	mu           sync.Mutex
	open         int                  // sessions, and the listener itself
	ended, older map[string]time.Time // sessions that were, by name
	since        time.Time            // when ended was empty
}

func newListener(accepting *kcpgo.Listener, socket net.PacketConn, config *Config, running *sync.WaitGroup) *listener {
	return &listener{
		accepting: accepting,
		socket:    socket,
		config:    config,
		running:   running,
		arrived:   make(chan *conn),
		closed:    make(chan struct{}),
		open:      1,
		ended:     make(map[string]time.Time),
	}
}

// run takes sessions until the socket is closed. When the listener is, it goes on to
// refuse new ones.
func (l *listener) run() {
	for {
		session, err := l.accepting.AcceptKCP()
		if err != nil {
			_ = l.Close() // it failed, where it was not closed
			l.drain()
			return
		}
		if !l.take(session) {
			_ = session.Close()
		}
	}
}

// drain ends sessions that arrived when the socket was about to be closed. Accept of
// kcp-go has no order: it may tell of the socket first, and of the sessions sooner or
// later.
func (l *listener) drain() {
	for range 64 {
		if session, err := l.accepting.AcceptKCP(); err == nil {
			_ = session.Close()
		}
	}
	_ = l.accepting.Close() // leaves the socket alone, and can do no more
}

// take hands a session to Accept. It reports false for one that nobody wants.
func (l *listener) take(session *kcpgo.UDPSession) bool {
	select {
	case <-l.closed:
		return false
	default:
	}
	name := fmt.Sprint(session.RemoteAddr(), " ", session.GetConv())
	if !l.admit(name) {
		return false
	}
	c := newConn(session, l.config, l.running, func() { l.release(name) })
	select {
	case l.arrived <- c:
		return true
	case <-l.closed:
		l.release(name)
		return false
	}
}

// admit counts a session, unless it is an old one that a late packet has called back.
func (l *listener) admit(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ended := range []map[string]time.Time{l.ended, l.older} {
		if at, ok := ended[name]; ok && time.Since(at) < memory {
			return false
		}
	}
	l.open++
	return true
}

// release notes that a session has ended.
func (l *listener) release(name string) {
	l.mu.Lock()
	now := time.Now()
	if now.Sub(l.since) >= memory || len(l.ended) >= remembered {
		l.older, l.ended, l.since = l.ended, make(map[string]time.Time), now
	}
	l.ended[name] = now
	l.mu.Unlock()
	l.leave()
}

// leave closes the socket when nobody needs it any more.
func (l *listener) leave() {
	l.mu.Lock()
	l.open--
	last := l.open == 0
	l.mu.Unlock()
	if last {
		_ = l.socket.Close() // its error says that it failed before
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed: // before a client that may wait as well
		return nil, l.failed()
	default:
	}
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.closed:
		return nil, l.failed()
	}
}

// Close ends every Accept and refuses new connections. Those that were accepted live on,
// and the address is taken until they have ended. A second call does nothing.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.leave()
	})
	return nil
}

func (l *listener) Addr() net.Addr { return l.accepting.Addr() }

func (l *listener) failed() error {
	return &net.OpError{Op: "accept", Net: network, Addr: l.Addr(), Err: net.ErrClosed}
}
