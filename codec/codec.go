// SPDX-License-Identifier: Apache-2.0

// Package codec turns values into payloads and back. [Codec] is one encoding, [Set]
// the encodings that a client or server knows, by their number on the wire. The
// encodings themselves are sub-packages; codectest is the suite that each passes.
package codec

import (
	"fmt"

	"github.com/rpcx-go/rpcx/protocol"
)

// Codec is one payload encoding. Its methods are called concurrently.
type Codec interface {
	// ID is the number in a frame's header, 0 to 15.
	ID() protocol.SerializeType
	// Name is what flags, HTTP headers and metrics show; lower case.
	Name() string
	// Append appends the encoding of v to dst and returns the longer slice. On an
	// error the first len(dst) bytes are untouched.
	Append(dst []byte, v any) ([]byte, error)
	// Unmarshal decodes data into v, a pointer. What it stores in v shares no memory
	// with data. It must hold for any input: no panic, no stack deeper and no memory
	// larger than the input justifies.
	Unmarshal(data []byte, v any) error
}

// MaxDepth is how deeply values may be nested in a payload that a codec of this
// project decodes. A Go program cannot recover from a stack overflow, so the depth
// is checked before decoding.
const MaxDepth = 1000

// Set is an immutable collection of codecs. The zero value is empty.
type Set struct {
	byID [protocol.MaxSerializeType + 1]Codec
}

// NewSet returns a set of the given codecs. Of two with the same number the later
// one stays, so that users can replace a built-in codec. A number over 15 is an
// error.
func NewSet(codecs ...Codec) (*Set, error) {
	s := new(Set)
	for _, c := range codecs {
		if c.ID() > protocol.MaxSerializeType {
			return nil, fmt.Errorf("codec: %s has number %d, the largest is %d", c.Name(), c.ID(), protocol.MaxSerializeType)
		}
		s.byID[c.ID()] = c
	}
	return s, nil
}

// Lookup returns the codec with the given number, nil if there is none.
func (s *Set) Lookup(id protocol.SerializeType) Codec {
	if id > protocol.MaxSerializeType {
		return nil
	}
	return s.byID[id]
}
