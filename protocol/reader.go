// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"errors"
	"io"
	"time"
)

// Sizes of a Reader's buffer: what an idle connection holds, what a busy one
// reads at once, and how much more than it has received a large frame may claim.
const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
	growth      = 64 << 10
)

// deadliner is the part of net.Conn that lets a Reader cut a stalled peer.
type deadliner interface{ SetReadDeadline(time.Time) error }

// Reader reads frames from a stream. It reads as much as there is at once and
// decodes in place, so a batch of frames costs one read. Its memory grows with
// the bytes that have arrived and never with the bytes that a header claims.
//
// When the stream has a SetReadDeadline method, a frame that has begun must keep
// coming: each 64 KiB of it, and its end, must arrive within Limits.Stall, or
// Next fails with the stream's timeout error. Between frames a Reader waits for
// as long as the stream lets it.
//
// A Reader is used by one goroutine at a time.
type Reader struct {
	src   io.Reader
	timer deadliner // nil: src has no deadlines
	lim   Limits
	buf   []byte // buf[start:end] holds unread bytes
	start int
	end   int
	frame Frame // the last one returned
	armed bool  // a read deadline is set
	err   error // sticky
}

// NewReader returns a Reader of the frames in src.
func NewReader(src io.Reader, lim Limits) *Reader {
	timer, _ := src.(deadliner)
	return &Reader{src: src, timer: timer, lim: lim.WithDefaults()}
}

// Next returns the next frame. It and its slices are valid until the following
// call of Next. At the end of the stream, between two frames, the error is
// io.EOF; within a frame it is io.ErrUnexpectedEOF. Errors are final.
func (r *Reader) Next() (*Frame, error) {
	if r.err != nil {
		return nil, r.err
	}
	size, err := r.fill()
	if err == nil {
		err = r.frame.Parse(r.buf[r.start:r.start+size], &r.lim)
	}
	if err != nil {
		r.err = err
		return nil, err
	}
	r.start += size
	return &r.frame, nil
}

// Buffered reports whether Next can answer without waiting for the stream: a
// whole frame has arrived, or bytes that can never become one.
func (r *Reader) Buffered() bool {
	if r.err != nil {
		return true
	}
	size, err := FrameSize(r.buf[r.start:r.end], &r.lim)
	return err != nil || size > 0 && r.end-r.start >= size
}

// Split returns a Reader that goes on where r stands, with a buffer of its own:
// the frame that r returned last stays valid for as long as somebody holds it. r
// must not be read from again.
func (r *Reader) Split() *Reader {
	rest := r.buf[r.start:r.end]
	n := &Reader{src: r.src, timer: r.timer, lim: r.lim, armed: r.armed, err: r.err}
	n.buf = make([]byte, max(len(rest), smallBuffer))
	n.end = copy(n.buf, rest)
	return n
}

// fill reads until one whole frame is in the buffer and returns its size.
func (r *Reader) fill() (int, error) {
	began := 0 // bytes of the current frame that were there when the deadline was set
	for {
		have := r.end - r.start
		size, err := FrameSize(r.buf[r.start:r.end], &r.lim)
		if err != nil {
			return 0, err
		}
		if size > 0 && have >= size {
			return size, r.disarm()
		}
		r.makeRoom(size)
		if have > 0 && (!r.armed || have-began >= growth) {
			if err := r.arm(); err != nil {
				return 0, err
			}
			began = have
		}
		if err := r.read(); err != nil {
			return 0, err
		}
	}
}

// makeRoom makes space behind end for a frame of the given size, 0 for unknown.
func (r *Reader) makeRoom(size int) {
	have := r.end - r.start
	if have == 0 {
		r.start, r.end = 0, 0
		if len(r.buf) > largeBuffer {
			r.buf = make([]byte, largeBuffer) // a large frame has passed
		}
	}
	want := smallBuffer
	if size > 0 {
		want = min(size, have*2+growth)
	}
	switch {
	case len(r.buf)-r.start >= max(want, have+1):
		return
	case len(r.buf) >= max(want, have+1):
		copy(r.buf, r.buf[r.start:r.end])
	default:
		grown := make([]byte, want)
		copy(grown, r.buf[r.start:r.end])
		r.buf = grown
	}
	r.start, r.end = 0, have
}

// read asks the stream once for as much as fits.
func (r *Reader) read() error {
	for range 100 { // a Reader may return 0 bytes and no error, but not for ever
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			if r.end == len(r.buf) && len(r.buf) < largeBuffer {
				r.enlarge()
			}
			return nil // an error with it comes again with the next read
		}
		if errors.Is(err, io.EOF) && r.end > r.start {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// enlarge gives a busy stream the large buffer: it filled the small one at once.
func (r *Reader) enlarge() {
	grown := make([]byte, largeBuffer)
	copy(grown, r.buf[r.start:r.end])
	r.buf, r.end, r.start = grown, r.end-r.start, 0
}

func (r *Reader) arm() error {
	if r.timer == nil {
		return nil
	}
	r.armed = true
	return r.timer.SetReadDeadline(time.Now().Add(r.lim.Stall))
}

func (r *Reader) disarm() error {
	if !r.armed {
		return nil
	}
	r.armed = false
	return r.timer.SetReadDeadline(time.Time{})
}
