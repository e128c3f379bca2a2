// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"fmt"
	"io"
	"slices"
)

// minRoom is the least room in bytes that AppendAll makes at once.
const minRoom = 512

// AppendAll appends what r yields up to its io.EOF to dst: it is the Decompress of a
// method whose decoder is a reader. When that is more than limit bytes the error
// matches ErrTooLarge. Room is made as bytes arrive, and for no more than limit of
// them. On an error the result is dst as it was given.
func AppendAll(dst []byte, r io.Reader, limit int) ([]byte, error) {
	out := dst
	for {
		have := len(out) - len(dst)
		left := limit - have
		if left > 0 && len(out) == cap(out) {
			out = slices.Grow(out, min(left, max(minRoom, have)))
		}
		room := out[len(out):cap(out)]
		switch {
		case left <= 0:
			room = make([]byte, 1) // only to see whether there is more
		case left < len(room):
			room = room[:left]
		}
		n, err := r.Read(room)
		if n > left {
			return dst, fmt.Errorf("%w of %d bytes", ErrTooLarge, limit)
		}
		out = out[:len(out)+n]
		if err == io.EOF { //nolint:errorlint // io.Reader promises the bare value
			return out, nil
		}
		if err != nil {
			return dst, err
		}
	}
}
