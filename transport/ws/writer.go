// SPDX-License-Identifier: Apache-2.0

package ws

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/rpcx-go/rpcx/internal/bufpool"
)

const (
	// chunk is how much goes to the connection below with one write where it is copied.
	chunk = 32 << 10
	// farewell is how long Close tries to say so.
	farewell = 20 * time.Millisecond
	// closing is how long CloseWrite does.
	closing = time.Second
)

// writer sends bytes in binary frames, one for each write. A frame that was begun and
// could not be finished in time is gone on with by the next write, whatever that
// writes: where frames end means nothing.
type writer struct {
	conn   net.Conn
	client bool // this is the client's end, which masks

	mu    sync.Mutex // held while something is written; over what follows
	head  [maxHeader + maxControl]byte
	rest  []byte // of head: must go out before anything else does
	begun bool   // some of the current frame went out
	left  int    // bytes of payload that the current frame still must get
	mask  mask   // of the current frame
	ended bool   // a close frame was sent

	pongs   sync.WaitGroup // the goroutine that answers pings
	pongMu  sync.Mutex     // over what follows
	pong    []byte         // answer to the last ping; nil: it was sent
	ponging bool           // the goroutine runs
}

func (w *writer) write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(p) > 0 {
		if w.ended {
			return n, syscall.EPIPE
		}
		if w.left == 0 {
			if err := w.flush(); err != nil { // of a pong
				return n, err
			}
			w.begin(opBinary, len(p))
		}
		k, err := w.advance(p[:min(len(p), w.left)])
		n += k
		p = p[k:]
		if err != nil {
			return n, err
		}
	}
	w.answer()
	return n, nil
}

// begin makes the header of the next frame. w.mu is held.
func (w *writer) begin(op byte, length int) {
	w.mask = mask{}
	if w.client {
		_, _ = rand.Read(w.mask.key[:]) // never fails
	}
	h := header{op: op, final: true, masked: w.client, mask: w.mask, length: int64(length)}
	w.rest = h.appendTo(w.head[:0])
	w.begun = false
	w.left = length
}

// advance writes what is left of the header and of p, a part of the current frame's
// payload, as much as goes with one write. w.mu is held.
func (w *writer) advance(p []byte) (int, error) {
	if !w.client && len(w.rest) == 0 {
		n, err := w.conn.Write(p)
		w.left -= n
		return n, err
	}
	b := bufpool.Get(min(len(w.rest)+len(p), chunk))
	defer b.Free()
	b.B = append(b.B, w.rest...)
	p = p[:min(len(p), chunk-len(b.B))]
	masked := w.mask
	b.B = append(b.B, p...)
	masked.apply(b.B[len(w.rest):], p)

	n, err := w.conn.Write(b.B)
	k := w.sent(n, err)
	w.mask.skip(n - k)
	w.left -= n - k
	return n - k, err
}

// sent notes that n bytes were written, of rest first, and returns how many those were.
// A frame of which nothing went out is given up with an error. w.mu is held.
func (w *writer) sent(n int, err error) int {
	k := min(n, len(w.rest))
	w.rest = w.rest[k:]
	w.begun = w.begun || n > 0
	if err != nil && !w.begun {
		w.rest, w.left = nil, 0
	}
	return k
}

// flush writes what is left of a control frame. w.mu is held, and no frame with data
// has begun.
func (w *writer) flush() error {
	if len(w.rest) == 0 {
		return nil
	}
	n, err := w.conn.Write(w.rest)
	w.sent(n, err)
	return err
}

// control sends a control frame. w.mu is held, and no frame with data has begun.
func (w *writer) control(op byte, payload []byte) error {
	if err := w.flush(); err != nil {
		return err
	}
	w.begin(op, len(payload))
	w.left = 0
	start := len(w.rest)
	w.rest = append(w.rest, payload...) // within head
	w.mask.apply(w.rest[start:], payload)
	return w.flush()
}

// pinged takes a ping. Its answer goes out with the next write or, if nobody writes,
// from a goroutine: the reader must not wait for a peer that takes nothing.
func (w *writer) pinged(ping []byte) {
	w.pongMu.Lock()
	defer w.pongMu.Unlock()
	w.pong = append(make([]byte, 0, maxControl), ping...) // of several the last is answered
	if w.ponging {
		return
	}
	w.ponging = true
	w.pongs.Go(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pongMu.Lock()
		w.ponging = false
		w.pongMu.Unlock()
		w.answer()
	})
}

// answer sends the pong that is due, unless a frame with data has begun: whoever ends
// that does it then. w.mu is held.
func (w *writer) answer() {
	if w.left > 0 || w.ended {
		return
	}
	w.pongMu.Lock()
	pong := w.pong
	w.pong = nil
	w.pongMu.Unlock()
	if pong != nil {
		_ = w.control(opPong, pong) // what is wrong with the connection shows when it is used
	}
}

// end sends a close frame, after which nothing is written any more. w.mu is held.
func (w *writer) end(code uint16) error {
	if w.ended {
		return nil
	}
	if w.left > 0 {
		return syscall.EPIPE // in the middle of a frame nothing can be said
	}
	w.ended = true
	return w.control(opClose, binary.BigEndian.AppendUint16(nil, code))
}

// closeWrite ends the direction to the peer. The deadline is also for an answer to a ping
// that is on its way and that the peer does not take.
func (w *writer) closeWrite() error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(closing)); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end(closeNormal)
}

// part says why the connection is about to be closed, if that can be done at once.
func (w *writer) part(code uint16) {
	if !w.mu.TryLock() {
		return // somebody waits for the peer
	}
	defer w.mu.Unlock()
	if w.conn.SetWriteDeadline(time.Now().Add(farewell)) == nil {
		_ = w.end(code) // it is a courtesy
	}
}
