// SPDX-License-Identifier: Apache-2.0

package protocol

import "encoding/binary"

// cursor walks over length-prefixed fields. It never reads past its bytes.
type cursor struct{ b []byte }

// field cuts the next field off: a 32-bit length and that many bytes.
func (c *cursor) field() ([]byte, bool) {
	if len(c.b) < 4 {
		return nil, false
	}
	n := uint64(binary.BigEndian.Uint32(c.b))
	if n > uint64(len(c.b)-4) {
		return nil, false
	}
	f := c.b[4 : 4+n : 4+n]
	c.b = c.b[4+n:]
	return f, true
}

func getUint64(b []byte) uint64    { return binary.BigEndian.Uint64(b) }
func putUint64(b []byte, v uint64) { binary.BigEndian.PutUint64(b, v) }

func appendUint32(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}
