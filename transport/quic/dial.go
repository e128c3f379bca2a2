// SPDX-License-Identifier: Apache-2.0

package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"syscall"
	"time"

	quicgo "github.com/quic-go/quic-go"
)

// target is what streams must have in common to share a connection.
type target struct {
	addr      string
	tls       *tls.Config
	keepAlive time.Duration
}

// dial is a QUIC connection that is made, or was.
type dial struct {
	done    chan struct{} // closed when the fields below are set
	session *session
	err     error
}

// errSpent: a connection takes no more streams.
var errSpent = errors.New("the connection takes no more streams")

// open opens a stream. Connections that take no more are passed over.
func (t *Transport) open(ctx context.Context, to target) (*conn, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d, err := t.dial(ctx, to)
		if err != nil {
			return nil, err
		}
		c, err := d.session.open(ctx)
		if err == nil {
			return c, nil
		}
		t.forget(to, d) // whatever is wrong with it, the next Dial should not find it
		if !errors.Is(err, errSpent) {
			return nil, err
		}
	}
}

// dial returns the connection to a target, one that another caller makes, or a new one.
func (t *Transport) dial(ctx context.Context, to target) (*dial, error) {
	for {
		d, mine := t.join(to)
		if mine {
			d.session, d.err = t.connect(ctx, to)
			if d.err != nil {
				t.forget(to, d)
			} else {
				context.AfterFunc(d.session.conn.Context(), func() { t.forget(to, d) })
			}
			close(d.done)
			return d, d.err
		}
		select {
		case <-d.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if errors.Is(d.err, context.Canceled) || errors.Is(d.err, context.DeadlineExceeded) {
			continue // the context was the other caller's
		}
		return d, d.err
	}
}

// join returns the dial to a target, and whether it is the caller's to make.
func (t *Transport) join(to target) (d *dial, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.dials[to]; d != nil {
		return d, false
	}
	d = &dial{done: make(chan struct{})}
	t.dials[to] = d
	return d, true
}

// forget keeps new streams away from a connection.
func (t *Transport) forget(to target, d *dial) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dials[to] == d {
		delete(t.dials, to)
	}
}

// open opens a stream of the connection and waits until the server has accepted it.
func (s *session) open(ctx context.Context) (*conn, error) {
	if !s.acquire() {
		return nil, errSpent
	}
	stream, err := s.conn.OpenStream()
	if err != nil { // too many, or the connection is gone
		s.release()
		return nil, errSpent
	}
	c := newConn(s, stream)
	if s.single {
		return c, nil
	}
	if err := c.awaitGreeting(ctx); err != nil {
		c.abort(codeNone)
		return nil, err
	}
	return c, nil
}

// greeting is the byte by which a client announces a stream and a server accepts it. A
// stream is not seen before something is written to it.
const greeting = 1

// awaitGreeting announces the stream and waits until it is accepted.
func (c *conn) awaitGreeting(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = c.stream.SetDeadline(time.Unix(1, 0)) })
	answer := make([]byte, 1)
	_, err := c.stream.Write([]byte{greeting})
	if err == nil {
		_, err = c.stream.Read(answer)
	}
	if !stop() {
		return ctx.Err()
	}
	var reset *quicgo.StreamError
	switch {
	case err == nil && answer[0] == greeting:
		return nil
	case errors.As(err, &reset) && reset.ErrorCode == codeRefused:
		return syscall.ECONNREFUSED
	case err == nil:
		return errors.New("the server greets in another way")
	default:
		return err
	}
}
