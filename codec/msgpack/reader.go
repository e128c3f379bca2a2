// SPDX-License-Identifier: Apache-2.0

package msgpack

import (
	"errors"
	"io"
)

var errExtension = errors.New("msgpack: extension where a map is wanted")

// reader gives a decoder its bytes, and stops it from leaving the structure that
// the scanner has checked. Where a map is wanted, the library takes an extension's
// body for one, and goes on behind the body if the body says so. That begins with
// reading a byte, while bodies of extensions proper are read as a block: so at the
// offsets in blocks no byte can be read.
type reader struct {
	data   []byte
	pos    int
	blocks []int // ascending
}

func (r *reader) Read(p []byte) (int, error) {
	n := copy(p, r.data[r.pos:])
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	r.pos += n
	return n, nil
}

func (r *reader) ReadByte() (byte, error) {
	if r.pos >= len(r.data) {
		return 0, io.EOF
	}
	for len(r.blocks) > 0 && r.blocks[0] <= r.pos {
		if r.blocks[0] == r.pos {
			return 0, errExtension
		}
		r.blocks = r.blocks[1:]
	}
	r.pos++
	return r.data[r.pos-1], nil
}

func (r *reader) UnreadByte() error {
	if r.pos == 0 {
		return io.ErrUnexpectedEOF
	}
	r.pos--
	return nil
}
