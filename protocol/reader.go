// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/internal/lateread"
)

// ErrInterrupted is the error of a Next that Interrupt has ended.
var ErrInterrupted = errors.New("protocol: reading was interrupted")

// deadliner is the part of net.Conn that lets a Reader cut a stalled peer.
type deadliner interface{ SetReadDeadline(time.Time) error }

// stride is how much of a frame must arrive within Limits.Stall.
const stride = 64 << 10

// lateReader is the part of a stream that lets a Reader wait without a buffer.
type lateReader interface {
	ReadLate(space lateread.Space) (int, error)
}

// Reader reads frames from a stream. It reads as much as there is at once and
// decodes in place, so a batch of frames costs one read. Its memory grows with
// the bytes that have arrived and not with the bytes that a header claims: a claim is
// good for 16 KiB, and for as much as frames before had that did arrive, up to 4 MiB.
// While it waits for a frame it holds 4 KiB, on a stream that has been busy of late
// 32 KiB, and nothing on one that offers to wait without.
//
// When the stream has a SetReadDeadline method, a frame that has begun must keep
// coming: each 64 KiB of it, and its end, must arrive within Limits.Stall, or
// Next fails with the stream's timeout error. Between frames a Reader waits for
// as long as the stream lets it. It moves the deadline only for a frame that did
// not come whole, and clears it at that frame's end: a deadline of the owner's is
// good for the wait between two frames, and only closing the stream ends a Next
// for certain.
//
// A Reader is used by one goroutine at a time, except that any may call Interrupt.
type Reader struct {
	src   io.Reader
	late  lateReader // src; nil: it cannot
	timer deadliner  // nil: src has no deadlines
	lim   Limits
	in    buffer
	frame Frame // the last one returned
	armed bool  // a read deadline is set
	bare  bool  // src refuses deadlines
	err   error // sticky

	stopping sync.Mutex  // held while stop and the stream's deadline change together
	stop     atomic.Bool // Interrupt was called
}

// NewReader returns a Reader of the frames in src.
func NewReader(src io.Reader, lim Limits) *Reader {
	timer, _ := src.(deadliner)
	late, _ := src.(lateReader)
	return &Reader{src: src, late: late, timer: timer, lim: lim.WithDefaults(), in: buffer{late: late != nil}}
}

// Next returns the next frame. It and its slices are valid until the following
// call of Next. At the end of the stream, between two frames, the error is
// io.EOF; within a frame it is io.ErrUnexpectedEOF. Errors are final, except for
// ErrInterrupted.
func (r *Reader) Next() (*Frame, error) {
	r.in.drop()
	if r.err != nil {
		return nil, r.err
	}
	size, err := r.fill()
	if err == nil {
		err = r.frame.Parse(r.in.take(size), &r.lim)
	}
	if err != nil {
		if err != ErrInterrupted { //nolint:errorlint // it is ours, and never wrapped
			r.err = err
		}
		r.in.drop()
		return nil, err
	}
	return &r.frame, nil
}

// Peek waits until something of the next frame has arrived and returns what has, at
// least one byte. It is valid until Next, which decodes it. The errors are Next's.
func (r *Reader) Peek() ([]byte, error) {
	r.in.drop()
	for r.err == nil && len(r.in.unread()) == 0 {
		r.err = r.read(0)
	}
	if r.err != nil {
		r.in.drop()
		return nil, r.err
	}
	return r.in.unread(), nil
}

// Release ends the Reader and returns a copy of what it has received and not returned,
// for a stream that turns out to carry something else. Next must not be called any more.
func (r *Reader) Release() []byte {
	r.in.drop()
	rest := append([]byte(nil), r.in.unread()...)
	r.in.clear()
	return rest
}

// Detach gives away the memory of the frame that Next returned last: its slices then
// stay valid until release is called, once, by any goroutine. The Frame itself is
// still the Reader's. A frame that shares its buffer with others cannot be given away;
// release is then nil, and what is to outlive Next must be copied. That is so for
// frames of up to 32 KiB, and for any that was detached before.
func (r *Reader) Detach() (release func()) {
	last := r.in.last
	if last == nil {
		return nil
	}
	r.in.last = nil
	return last.Free
}

// Buffered reports whether Next can answer without waiting for the stream: a
// whole frame has arrived, or bytes that can never become one.
func (r *Reader) Buffered() bool {
	if r.err != nil {
		return true
	}
	have := r.in.unread()
	size, err := FrameSize(have, &r.lim)
	return err != nil || size > 0 && len(have) >= size
}

// Interrupt makes a Next that waits for the stream, or else the next one that would,
// return ErrInterrupted. Nothing is lost: Next can be called again. It uses the read
// deadline of the stream; on one without it has no effect until something arrives. It
// must not be called for a Reader that was split.
func (r *Reader) Interrupt() {
	r.stopping.Lock()
	defer r.stopping.Unlock()
	r.stop.Store(true)
	if r.timer != nil {
		_ = r.timer.SetReadDeadline(time.Unix(1, 0)) // on a closed stream Next ends anyway
	}
}

// resume undoes Interrupt.
func (r *Reader) resume() error {
	r.stopping.Lock()
	defer r.stopping.Unlock()
	r.stop.Store(false)
	r.armed = false // fill sets the deadline of a frame that has begun once more
	if r.timer != nil {
		_ = r.timer.SetReadDeadline(time.Time{}) // as in Interrupt
	}
	return ErrInterrupted
}

// Split returns a Reader that goes on where r stands, with a buffer of its own:
// the frame that r returned last stays valid for as long as somebody holds it. r
// must not be read from again.
func (r *Reader) Split() *Reader {
	return &Reader{src: r.src, late: r.late, timer: r.timer, lim: r.lim, in: r.in.split(), armed: r.armed, err: r.err}
}

// fill reads until one whole frame is in the buffer and returns its size.
func (r *Reader) fill() (int, error) {
	began := 0 // bytes of the current frame that were there when the deadline was set
	for {
		have := len(r.in.unread())
		size, err := FrameSize(r.in.unread(), &r.lim)
		if err != nil {
			return 0, err
		}
		if size > 0 && have >= size {
			return size, r.disarm()
		}
		r.frame = Frame{} // would keep the bytes of the last one alive during the wait
		if have > 0 && (!r.armed || have-began >= stride) {
			if err := r.arm(); err != nil {
				return 0, err
			}
			began = have
		}
		if r.stop.Load() { // after arm, which may have replaced the deadline that Interrupt set
			return 0, r.resume()
		}
		if err := r.read(size); err != nil {
			if r.stop.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
				err = r.resume()
			}
			return 0, err
		}
	}
}

// read asks the stream once for as much as fits. size is that of the frame that
// has begun, 0 when it is not known.
func (r *Reader) read(size int) error {
	space := r.in.space(size)
	for range 100 { // an io.Reader may return 0 bytes and no error, but not for ever
		var n int
		var err error
		if len(space) > 0 {
			n, err = r.src.Read(space)
		} else {
			n, err = r.late.ReadLate(&r.in)
		}
		if n > 0 {
			r.in.filled(n)
			return nil // an error with it comes again with the next read
		}
		if errors.Is(err, io.EOF) && len(r.in.unread()) > 0 {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// arm gives the stream until now + Stall. One that has the method and no deadlines,
// such as a file, is read without.
func (r *Reader) arm() error {
	if r.timer == nil || r.bare {
		return nil
	}
	err := r.timer.SetReadDeadline(time.Now().Add(r.lim.Stall))
	if errors.Is(err, os.ErrNoDeadline) {
		r.bare = true
		return nil
	}
	r.armed = true
	return err
}

func (r *Reader) disarm() error {
	if !r.armed {
		return nil
	}
	r.armed = false
	return r.timer.SetReadDeadline(time.Time{})
}
