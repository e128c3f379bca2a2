// SPDX-License-Identifier: Apache-2.0

package ws

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// readBuffer is for headers and small frames. The payload of large ones goes past it.
const readBuffer = 4 << 10

// reader makes one stream of bytes of the frames that come in. A deadline that passes
// takes nothing away: what has arrived stays in the buffer, and the next read goes on
// where it stopped, in the middle of a header if need be.
type reader struct {
	mu     sync.Mutex // over all fields
	src    *bufio.Reader
	client bool              // this is the client's end, where frames are not masked
	ping   func(data []byte) // must not block, nor keep data

	left   int64 // bytes of the current frame's payload that were not read yet
	mask   mask  // of the current frame
	inside bool  // a message has begun and not ended
	err    error // final
}

// read returns what there is of the current frame, or waits for the next.
func (r *reader) read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.left == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if err := r.next(); err != nil {
			return 0, r.fail(err)
		}
	}
	n, err := r.src.Read(p[:min(int64(len(p)), r.left)])
	r.mask.apply(p[:n], p[:n])
	r.left -= int64(n)
	if n == 0 && errors.Is(err, io.EOF) {
		err = r.fail(io.ErrUnexpectedEOF)
	}
	return n, err
}

// fail keeps what is final: whatever does not come from below.
func (r *reader) fail(err error) error {
	if err == nil {
		return nil
	}
	var closed *CloseError
	var broken violation
	if err == io.EOF || err == io.ErrUnexpectedEOF || errors.As(err, &closed) || errors.As(err, &broken) { //nolint:errorlint // ours
		r.err, r.left = err, 0
	}
	return err
}

// next reads one header of a frame with data, or one whole control frame.
func (r *reader) next() error {
	b, err := r.peek(2)
	if err != nil {
		return err
	}
	size := headerSize(b)
	if b, err = r.peek(size); err != nil {
		return err
	}
	h, err := parseHeader(b)
	switch {
	case err != nil:
		return err
	case h.masked == r.client:
		return violation("a frame is masked from a server, or not masked from a client")
	case h.op >= opClose:
		return r.control(h, size)
	case (h.op == opContinuation) != r.inside:
		return violation("parts of messages are out of order")
	}
	_, _ = r.src.Discard(size) // it is there
	r.inside = !h.final
	r.left, r.mask = h.length, h.mask
	return nil
}

// control reads the payload of a control frame and does what it asks for.
func (r *reader) control(h header, size int) error {
	b, err := r.peek(size + int(h.length))
	if err != nil {
		return err
	}
	var data [maxControl]byte
	payload := data[:h.length]
	h.mask.apply(payload, b[size:])
	_, _ = r.src.Discard(len(b)) // it is there
	switch h.op {
	case opPing:
		r.ping(payload)
	case opClose:
		return closeReason(payload)
	}
	return nil
}

// closeReason returns what the payload of a close frame says: io.EOF when the peer is
// done.
func closeReason(payload []byte) error {
	if len(payload) == 1 {
		return violation("half a code in a close frame")
	}
	code, reason := closeNone, ""
	if len(payload) > 1 {
		code, reason = int(binary.BigEndian.Uint16(payload)), string(payload[2:])
	}
	switch code {
	case closeNormal, closeGoingAway, closeNone:
		return io.EOF
	default:
		return &CloseError{Code: code, Reason: reason}
	}
}

// peek waits until n bytes are in the buffer and leaves them there.
func (r *reader) peek(n int) ([]byte, error) {
	b, err := r.src.Peek(n)
	if len(b) > 0 && errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}
