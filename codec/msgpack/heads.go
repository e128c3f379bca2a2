// SPDX-License-Identifier: Apache-2.0

package msgpack

// head says what follows the first byte of a value.
type head struct {
	kind  kind
	width uint8 // of the length that comes first, in bytes; 0: the length is size
	size  uint8
}

// kind says what a length counts.
type kind uint8

const (
	unknown   kind = iota
	scalar         // bytes
	extension      // bytes, after one that is the type
	list           // values
	dict           // pairs of values
)

// headOf reads the first byte of a value.
func headOf(c byte) head {
	switch {
	case c < 0x80 || c >= 0xe0:
		return head{kind: scalar} // the number is in the byte
	case c < 0x90:
		return head{kind: dict, size: c & 0x0f}
	case c < 0xa0:
		return head{kind: list, size: c & 0x0f}
	case c < 0xc0:
		return head{kind: scalar, size: c & 0x1f} // string
	default:
		return heads[c-firstHead]
	}
}

const (
	firstHead = 0xc0
	codeNil   = 0xc0
)

// heads are the first bytes that are listed one by one in the format.
var heads = [0xe0 - firstHead]head{
	codeNil - firstHead: {kind: scalar},
	0xc1 - firstHead:    {kind: unknown},
	0xc2 - firstHead:    {kind: scalar},           // false
	0xc3 - firstHead:    {kind: scalar},           // true
	0xc4 - firstHead:    {kind: scalar, width: 1}, // bin
	0xc5 - firstHead:    {kind: scalar, width: 2},
	0xc6 - firstHead:    {kind: scalar, width: 4},
	0xc7 - firstHead:    {kind: extension, width: 1},
	0xc8 - firstHead:    {kind: extension, width: 2},
	0xc9 - firstHead:    {kind: extension, width: 4},
	0xca - firstHead:    {kind: scalar, size: 4}, // float
	0xcb - firstHead:    {kind: scalar, size: 8},
	0xcc - firstHead:    {kind: scalar, size: 1}, // uint
	0xcd - firstHead:    {kind: scalar, size: 2},
	0xce - firstHead:    {kind: scalar, size: 4},
	0xcf - firstHead:    {kind: scalar, size: 8},
	0xd0 - firstHead:    {kind: scalar, size: 1}, // int
	0xd1 - firstHead:    {kind: scalar, size: 2},
	0xd2 - firstHead:    {kind: scalar, size: 4},
	0xd3 - firstHead:    {kind: scalar, size: 8},
	0xd4 - firstHead:    {kind: extension, size: 1},
	0xd5 - firstHead:    {kind: extension, size: 2},
	0xd6 - firstHead:    {kind: extension, size: 4},
	0xd7 - firstHead:    {kind: extension, size: 8},
	0xd8 - firstHead:    {kind: extension, size: 16},
	0xd9 - firstHead:    {kind: scalar, width: 1}, // str
	0xda - firstHead:    {kind: scalar, width: 2},
	0xdb - firstHead:    {kind: scalar, width: 4},
	0xdc - firstHead:    {kind: list, width: 2},
	0xdd - firstHead:    {kind: list, width: 4},
	0xde - firstHead:    {kind: dict, width: 2},
	0xdf - firstHead:    {kind: dict, width: 4},
}
