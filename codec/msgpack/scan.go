// SPDX-License-Identifier: Apache-2.0

package msgpack

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/rpcx-go/rpcx/codec"
)

// What a scan finds. These are plain values, for a hostile payload can hold millions
// of extensions that are tried and found wanting.
var (
	errCutOff    = errors.New("value is cut off")
	errLength    = errors.New("length is over what is left")
	errDepth     = fmt.Errorf("value is nested deeper than %d", codec.MaxDepth)
	errCode      = errors.New("unknown code")
	errEmptyBody = errors.New("extension without a body")
)

// scanner finds the end of a value and proves on the way that decoding it is safe:
// everything that it claims to contain is there, and it is not nested deeper than
// the limit. Decoders recurse, and allocate what a length says before they look.
type scanner struct {
	data   []byte
	blocks []int // for the reader
}

// first returns where the first value of the data ends.
func (s *scanner) first() (int, error) {
	end, err := s.value(0, len(s.data), 0)
	if err != nil {
		return 0, fmt.Errorf("msgpack: malformed payload at byte %d: %w", end, err)
	}
	return end, nil
}

// value returns where the value at pos ends, which must not be after end, or where it
// is broken. The value lies within depth others. It calls itself for extensions only,
// at a larger depth.
func (s *scanner) value(pos, end, depth int) (int, error) {
	var inline [32]int
	outer := inline[:0] // of each container around the innermost: the values to come
	left := 1           // in the innermost
	for {
		for left == 0 {
			if len(outer) == 0 {
				return pos, nil
			}
			left, outer = outer[len(outer)-1], outer[:len(outer)-1]
		}
		left--
		if pos >= end {
			return pos, errCutOff
		}
		c := s.data[pos]
		pos++
		h := headOf(c)
		size := uint64(h.size)
		if h.width > 0 {
			if end-pos < int(h.width) {
				return pos, errCutOff
			}
			size = length(s.data[pos:], h.width)
			pos += int(h.width)
		}
		if h.kind == dict {
			size *= 2
		}
		// Whatever is counted takes at least a byte each.
		if size > uint64(end-pos) {
			return pos, errLength
		}
		switch n := int(size); h.kind {
		case scalar:
			pos += n
		case list, dict:
			if depth+len(outer) >= codec.MaxDepth {
				return pos, errDepth
			}
			outer = append(outer, left)
			left = n
		case extension:
			if err := s.extension(pos, n, end, depth+len(outer)+1); err != nil {
				return pos, err
			}
			pos += 1 + n
		default:
			return pos, errCode
		}
	}
}

// extension checks an extension whose type is at pos and whose body of n bytes
// follows. Where the decoder could take the body for a map, it must be exactly one
// value, or else be read as a block.
func (s *scanner) extension(pos, n, end, depth int) error {
	body := pos + 1
	if n > end-body {
		return errCutOff
	}
	if n == 0 { // the next value would be taken for the map
		return errEmptyBody
	}
	if c := s.data[body]; c != codeNil && headOf(c).kind != dict {
		return nil
	}
	known := len(s.blocks)
	if stop, err := s.value(body, body+n, depth); err == nil && stop == body+n {
		return nil
	}
	s.blocks = append(s.blocks[:known], body)
	return nil
}

func length(b []byte, width uint8) uint64 {
	switch width {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	default:
		return uint64(binary.BigEndian.Uint32(b))
	}
}
