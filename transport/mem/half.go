// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// bufferSize is how many bytes may be under way in each direction.
const bufferSize = 64 << 10

// half is one direction of a connection: a bounded buffer between a writer and a
// reader. Whoever changes what another may wait for wakes it; the waiter then looks
// again.
type half struct {
	mu       sync.Mutex // over all fields
	readable sync.Cond  // there are bytes, or there is a reason not to wait for any
	writable sync.Cond  // there is room, or there is a reason not to wait for any

	ring     []byte // made by the first write
	start, n int    // ring[start:start+n], around the end, is unread

	readClosed, writeClosed bool
	writing                 bool // a Write is under way; others queue up
	readBy, writeBy         deadline
}

func newHalf() *half {
	h := new(half)
	h.readable.L, h.writable.L = &h.mu, &h.mu
	h.readBy.cond, h.writeBy.cond = &h.readable, &h.writable
	return h
}

// read waits for bytes and takes as many as there are.
func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readClosed:
			return 0, net.ErrClosed
		case h.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case h.n > 0:
			n := h.take(p)
			h.writable.Broadcast()
			return n, nil
		case h.writeClosed:
			return 0, io.EOF
		}
		h.readBy.wait()
	}
}

// write waits for room until all of p is in the buffer. The bytes of one call stay
// together.
func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.writing {
		h.writable.Wait()
	}
	h.writing = true
	defer func() {
		h.writing = false
		h.writable.Broadcast()
	}()
	for {
		switch {
		case h.writeClosed:
			return n, net.ErrClosed
		case h.readClosed:
			return n, syscall.EPIPE
		case h.writeBy.passed():
			return n, os.ErrDeadlineExceeded
		}
		if k := h.put(p[n:]); k > 0 {
			n += k
			h.readable.Broadcast()
		}
		if n == len(p) {
			return n, nil
		}
		h.writeBy.wait()
	}
}

// put copies as much of p into the ring as fits.
func (h *half) put(p []byte) int {
	if len(p) > 0 && h.ring == nil {
		h.ring = make([]byte, bufferSize)
	}
	p = p[:min(len(p), len(h.ring)-h.n)]
	end := h.start + h.n
	if end >= len(h.ring) {
		end -= len(h.ring)
	}
	k := copy(h.ring[end:], p)
	copy(h.ring, p[k:])
	h.n += len(p)
	return len(p)
}

// take moves as much as there is from the ring into p.
func (h *half) take(p []byte) int {
	p = p[:min(len(p), h.n)]
	k := copy(p, h.ring[h.start:])
	copy(p[k:], h.ring)
	h.n -= len(p)
	h.start = (h.start + len(p)) % len(h.ring)
	if h.n == 0 {
		h.start = 0 // the next bytes lie in one piece
	}
	return len(p)
}

// closeWrite ends the stream: the reader gets what is in the buffer and then io.EOF.
func (h *half) closeWrite() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writeClosed = true
	h.writeBy.stop()
	h.wakeAll()
}

// closeRead drops what is in the buffer. The writer is told that nobody listens.
func (h *half) closeRead() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readClosed = true
	h.ring, h.start, h.n = nil, 0, 0
	h.readBy.stop()
	h.wakeAll()
}

func (h *half) wakeAll() {
	h.readable.Broadcast()
	h.writable.Broadcast()
}

// setReadDeadline changes when waiting for bytes ends, also for who waits now.
func (h *half) setReadDeadline(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readBy.set(t)
}

// setWriteDeadline changes when waiting for room ends, also for who waits now.
func (h *half) setWriteDeadline(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writeBy.set(t)
}

// deadline is when waiting on a condition ends. It is guarded by the condition's lock.
// Only somebody who waits starts the timer, so that the common case, a deadline that
// is set and never waited for, costs nothing.
type deadline struct {
	cond  *sync.Cond
	at    time.Time // zero: never
	timer *time.Timer
}

func (d *deadline) set(t time.Time) {
	d.at = t
	d.cond.Broadcast() // waiters start anew with the new time
}

func (d *deadline) passed() bool {
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

// wait waits until the condition changes or the time has come.
func (d *deadline) wait() {
	switch {
	case d.at.IsZero():
	case d.timer == nil:
		d.timer = time.AfterFunc(time.Until(d.at), func() {
			d.cond.L.Lock()
			defer d.cond.L.Unlock()
			d.cond.Broadcast()
		})
	default:
		d.timer.Reset(time.Until(d.at))
	}
	d.cond.Wait()
}

// stop lets go of the timer.
func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
