// SPDX-License-Identifier: Apache-2.0

package ws

import "encoding/binary"

// mask hides what clients send from machines on the way that would take it for HTTP. The
// zero value changes nothing.
type mask struct {
	key [4]byte
	pos int // of the next byte in the frame, modulo 4
}

// apply writes the bytes of src with the mask on, or off, to dst, which is as long and
// may be the same. Those of the next call follow them.
func (m *mask) apply(dst, src []byte) {
	var key [4]byte
	for i := range key {
		key[i] = m.key[(m.pos+i)&3]
	}
	m.skip(len(src))
	four := uint64(binary.LittleEndian.Uint32(key[:]))
	eight := four<<32 | four
	i := 0
	for ; i+8 <= len(src); i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(src[i:])^eight)
	}
	for ; i < len(src); i++ {
		dst[i] = src[i] ^ key[i&3]
	}
}

// skip passes over n bytes.
func (m *mask) skip(n int) { m.pos = (m.pos + n) & 3 }
