// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
)

// dialPause is the least time between a dial that failed and the next one, also for
// a call that has nowhere else to go.
const dialPause = 100 * time.Millisecond

// shortLived is what a connection counts as a failure for that ends sooner: a server
// that accepts connections only to close them must not be dialled in a loop.
const shortLived = time.Second

// lane is a place for one connection to a server. It dials when a call needs it, in
// a goroutine of its own: callers wait for the dial, each with its own context, and
// never for a lock. After a failure the lane is broken: it is avoided while there
// are others, and tried again in the background with growing pauses.
type lane struct {
	node *node
	conn atomic.Pointer[Conn]

	mu       sync.Mutex // guards what follows
	dialing  *dialing   // nil: no dial is under way
	failures int        // since a connection last held for shortLived
	failedAt time.Time
	upSince  time.Time // of the connection
	retryAt  time.Time // when the background may try again
	closed   bool
}

// dialing is a dial under way.
type dialing struct {
	done chan struct{}
	conn *Conn
	err  error
}

// ready returns the connection if it can take calls.
func (l *lane) ready() *Conn {
	if c := l.conn.Load(); c != nil && c.usable() {
		return c
	}
	return nil
}

// broken reports whether the last dial failed. It then makes the background try
// again if it is time.
func (l *lane) broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failures == 0 {
		return false
	}
	if l.dialing == nil && !l.closed && !time.Now().Before(l.retryAt) {
		l.startDial()
	}
	return true
}

// get returns a connection, and dials if there is none.
func (l *lane) get(ctx context.Context) (*Conn, error) {
	for {
		if c := l.ready(); c != nil {
			return c, nil
		}
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return nil, l.left()
		}
		d := l.dialing
		pause := dialPause - time.Since(l.failedAt)
		if d == nil && (l.failures == 0 || pause <= 0) {
			if l.ready() != nil {
				l.mu.Unlock()
				continue
			}
			d = l.startDial()
		}
		l.mu.Unlock()
		if d == nil {
			if err := sleep(ctx, pause); err != nil {
				return nil, rpcx.Unsent(rpcx.CodeOf(err), "client: connect to %s: %w", l.node.key, err)
			}
			continue
		}
		select {
		case <-d.done:
			return d.conn, d.err
		case <-l.node.closed:
			return nil, l.left()
		case <-ctx.Done():
			return nil, rpcx.Unsent(rpcx.CodeOf(ctx.Err()), "client: connect to %s: %w", l.node.key, context.Cause(ctx))
		}
	}
}

// left is the error of a call that was to go to a server which has left the list: it
// may go to another one.
func (l *lane) left() error {
	return rpcx.Unsent(rpcx.Unavailable, "client: %s is no longer a server of this client", l.node.key)
}

// startDial starts a dial. l.mu is held.
func (l *lane) startDial() *dialing {
	d := &dialing{done: make(chan struct{})}
	l.dialing = d
	if !l.node.client.spawn(func() { l.dial(d) }) {
		d.err = errClosed
		l.dialing = nil
		close(d.done)
	}
	return d
}

// dial dials and tells those who wait.
func (l *lane) dial(d *dialing) {
	c := l.node.client
	conn, err := dial(c.ctx, c.ctx, l.node.network, l.node.addr, c.config, &c.tasks, l)
	if c.ctx.Err() != nil || err == nil && !c.own(conn) {
		err = errClosed
	}
	d.conn, d.err = conn, l.settle(conn, err)
	if d.err != nil && conn != nil {
		conn.fail(d.err)
	}
	close(d.done)
}

// settle notes the outcome of a dial.
func (l *lane) settle(conn *Conn, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialing = nil
	switch {
	case err != nil:
		l.failed()
	case l.closed:
		err = l.left()
	case conn.Err() != nil: // it has ended already
		l.failed()
	default:
		l.upSince = time.Now()
		l.conn.Store(conn)
	}
	return err
}

// failed notes a failure. l.mu is held.
func (l *lane) failed() {
	l.failedAt = time.Now()
	l.retryAt = l.failedAt.Add(l.node.client.config.reconnect.Delay(l.failures))
	l.failures++
}

// unusable implements owner.
func (l *lane) unusable(*Conn) { l.node.wake() }

// ended implements owner.
func (l *lane) ended(c *Conn) {
	l.mu.Lock()
	switch held := time.Since(l.upSince); {
	case !l.conn.CompareAndSwap(c, nil): // settle sees that it has ended
	case held >= shortLived:
		l.failures = 0
	default:
		l.failed()
	}
	l.mu.Unlock()
	l.node.client.disown(c)
	l.node.wake()
}

// close retires the connection: its calls end, and then it is closed.
func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	if c := l.conn.Load(); c != nil {
		c.retire()
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
