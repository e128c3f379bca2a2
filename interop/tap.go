// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/transport"
)

// tap sees the frames of a client's or a server's connections as they pass, before they
// are encrypted or wrapped in anything.
type tap struct {
	mu     sync.Mutex // guards what follows
	opened int        // connections
	frames []seen
	err    error         // bytes that are not frames
	more   chan struct{} // closed with the next frame
}

// seen is a frame and the way it went.
type seen struct {
	toServer bool
	*protocol.Message
}

func newTap() *tap { return &tap{more: make(chan struct{})} }

// wait waits until the frames that have passed are such that ready returns true.
func (t *tap) wait(ctx context.Context, ready func([]seen) bool) error {
	for {
		t.mu.Lock()
		frames, err, more := t.frames, t.err, t.more
		t.mu.Unlock()
		if err != nil || ready(frames) {
			return err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("after %d frames: %w", len(frames), ctx.Err())
		}
	}
}

// all returns the frames that have passed.
func (t *tap) all() []seen {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.frames
}

// conns returns how many connections there were.
func (t *tap) conns() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.opened
}

// listener returns ln with the tap in its connections.
func (t *tap) listener(ln net.Listener) net.Listener { return tapListener{ln, t} }

type tapListener struct {
	net.Listener
	tap *tap
}

func (l tapListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.tap.conn(nc, true), nil
}

// tapTransport opens connections with a tap in them, if there is one.
type tapTransport struct {
	transport.Transport
	tap *tap
}

func (t tapTransport) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	nc, err := t.Transport.Dial(ctx, network, addr, s)
	if err != nil || t.tap == nil {
		return nc, err
	}
	return t.tap.conn(nc, false), nil
}

// tapPlugin does the same in a real client.
type tapPlugin struct{ tap *tap }

// ConnCreated implements a plugin of real rpcx.
func (p tapPlugin) ConnCreated(nc net.Conn) (net.Conn, error) { return p.tap.conn(nc, false), nil }

// conn returns nc, a connection of a server's or a client's, with the tap in it.
func (t *tap) conn(nc net.Conn, ofServer bool) net.Conn {
	t.mu.Lock()
	t.opened++
	t.mu.Unlock()
	return &tapConn{Conn: nc, in: stream{tap: t, toServer: ofServer}, out: stream{tap: t, toServer: !ofServer}}
}

type tapConn struct {
	net.Conn
	in, out stream
}

func (c *tapConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.add(p[:n])
	return n, err
}

// Write notes what it writes before the peer can act on it.
func (c *tapConn) Write(p []byte) (int, error) {
	c.out.add(p)
	return c.Conn.Write(p)
}

// stream is one way of a connection.
type stream struct {
	tap      *tap
	toServer bool

	mu   sync.Mutex // guards what follows
	rest []byte     // begins with a frame that is not there yet
}

func (s *stream) add(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, p...)
	lim := protocol.Limits{}.WithDefaults()
	for {
		size, err := protocol.FrameSize(s.rest, &lim)
		if err == nil && (size == 0 || size > len(s.rest)) {
			return
		}
		var f protocol.Frame
		if err == nil {
			err = f.Parse(s.rest[:size], &lim)
		}
		if err != nil {
			s.tap.add(seen{}, err)
			return
		}
		s.tap.add(seen{s.toServer, f.Message()}, nil)
		s.rest = s.rest[size:]
	}
}

func (t *tap) add(f seen, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.err = err
	} else {
		t.frames = append(t.frames, f)
	}
	close(t.more)
	t.more = make(chan struct{})
}
