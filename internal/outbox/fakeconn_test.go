// SPDX-License-Identifier: Apache-2.0

package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/outbox"
)

// fakeConn is the far side of an outbox: it notes what is written. With a gate each
// Write says that it has begun and then waits to be let through.
type fakeConn struct {
	net.Conn // nil: what is not used must not be called

	gate chan verdict  // nil: open
	deaf chan struct{} // not nil: a Write that waits does not end with Close, but with this

	mu        sync.Mutex
	wrote     []byte
	writes    []int   // their lengths
	pieces    []*byte // where their bytes lay
	deadlines []time.Time
	closed    chan struct{}
	closes    int
}

// verdict is what becomes of a Write: all of it, or so many bytes and an error.
type verdict struct {
	n   int
	err error
}

func newFakeConn() *fakeConn { return &fakeConn{closed: make(chan struct{})} }

func newGatedConn() *fakeConn {
	c := newFakeConn()
	c.gate = make(chan verdict)
	return c
}

var errBroken = errors.New("the wire broke")

// through lets the Write that waits, or the next one, do its work.
func (c *fakeConn) through() { c.gate <- verdict{} }

// breakAfter makes the Write that waits, or the next one, fail after n bytes.
func (c *fakeConn) breakAfter(n int) { c.gate <- verdict{n, errBroken} }

func (c *fakeConn) Write(b []byte) (int, error) {
	var v verdict
	if c.gate != nil {
		select {
		case v = <-c.gate:
		case <-c.closed:
			if c.deaf != nil {
				<-c.deaf
			}
			return 0, net.ErrClosed
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(b)
	if v.err != nil {
		n = v.n
	}
	c.wrote = append(c.wrote, b[:n]...)
	c.writes = append(c.writes, n)
	c.pieces = append(c.pieces, unsafe.SliceData(b))
	return n, v.err
}

func (c *fakeConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadlines = append(c.deadlines, t)
	return nil
}

func (c *fakeConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closes++; c.closes == 1 {
		close(c.closed)
	}
	return nil
}

func (c *fakeConn) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

func (c *fakeConn) written() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.wrote)
}

func (c *fakeConn) writeCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.writes)
}

const (
	patience = 10 * time.Second
	roomy    = 1 << 30
)

// buffer is a frame as callers hand it over.
func buffer(content string) *bufpool.Buffer {
	b := bufpool.Get(len(content))
	b.B = append(b.B, content...)
	return b
}

func add(t testing.TB, o *outbox.Outbox, content string) int64 {
	t.Helper()
	pos, err := o.Add(context.Background(), buffer(content), false)
	if err != nil {
		t.Errorf("Add(%.20q): %v", content, err)
	}
	return pos
}

// frame is number seq of sender, with a body that can be checked.
func frame(sender, seq, size int) string {
	head := fmt.Sprintf("<%d:%d:%d:", sender, seq, size)
	body := make([]byte, size)
	for i := range body {
		body[i] = 'a' + byte((sender+seq+i)%26)
	}
	return head + string(body) + ">"
}

// sink takes everything and keeps nothing.
type sink struct{ net.Conn }

func (sink) Write(b []byte) (int, error)      { return len(b), nil }
func (sink) SetWriteDeadline(time.Time) error { return nil }
func (sink) Close() error                     { return nil }
