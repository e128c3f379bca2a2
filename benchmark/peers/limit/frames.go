// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	headLen = 12 // the length of the body, 4 bytes, and the number of the frame, 8
	maxBody = 16 << 20
)

func appendHead(out []byte, n uint64, length int) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(length))
	return binary.BigEndian.AppendUint64(out, n)
}

// frames cuts what is read into frames.
type frames struct {
	conn io.Reader
	buf  []byte
	r, w int // what of buf is read but not consumed
}

func newFrames(conn io.Reader) *frames { return &frames{conn: conn, buf: make([]byte, 64<<10)} }

// fill reads until there is at least one whole frame.
func (f *frames) fill() error {
	for {
		need, err := f.need()
		if err != nil {
			return err
		}
		if need > headLen && f.w-f.r >= need {
			return nil
		}
		f.makeRoom(need)
		n, err := f.conn.Read(f.buf[f.w:])
		f.w += n
		if err != nil {
			return err
		}
	}
}

// next returns the next frame if all of it was read; a nil body means that it was
// not. The body is valid until fill.
func (f *frames) next() (n uint64, body []byte, err error) {
	need, err := f.need()
	if err != nil || need == headLen || f.w-f.r < need {
		return 0, nil, err
	}
	n = binary.BigEndian.Uint64(f.buf[f.r+4:])
	body = f.buf[f.r+headLen : f.r+need]
	f.r += need
	return n, body, nil
}

// need returns the length of the next frame; of its head while that is not there.
func (f *frames) need() (int, error) {
	if f.w-f.r < headLen {
		return headLen, nil
	}
	length := int(binary.BigEndian.Uint32(f.buf[f.r:]))
	if length == 0 || length > maxBody {
		return 0, fmt.Errorf("limit: frame with a body of %d bytes, want 1 to %d", length, maxBody)
	}
	return headLen + length, nil
}

// makeRoom makes space for a frame of the given length at least.
func (f *frames) makeRoom(need int) {
	buf := f.buf
	if need > len(buf) {
		buf = make([]byte, 2*need)
	} else if f.r == 0 {
		return
	}
	f.w = copy(buf, f.buf[f.r:f.w])
	f.r = 0
	f.buf = buf
}
