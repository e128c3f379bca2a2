// SPDX-License-Identifier: Apache-2.0

// Package compress makes payloads smaller. [Compressor] is one method, [Set] the
// methods that a client or server knows, by their number on the wire. The methods
// themselves are sub-packages; compresstest is the suite that each passes.
package compress

import (
	"errors"
	"fmt"

	"github.com/rpcx-go/rpcx/protocol"
)

// Threshold is the length in bytes that an encoded payload must exceed to be
// compressed, on both sides, as in rpcx.
const Threshold = 1024

// ErrTooLarge is matched by the error of a Decompress that would pass its limit.
var ErrTooLarge = errors.New("decompressed size exceeds the maximum allowed size")

// Compressor is one compression method. Its methods are called concurrently and
// keep no reference to their arguments or results. On an error both return dst as it
// was given; what lies behind its length may have changed.
type Compressor interface {
	// ID is the number in a frame's header, 1 to 7.
	ID() protocol.CompressType
	// Name is what peers that negotiate it, flags and metrics show; lower case.
	Name() string
	// Compress appends the compressed form of src to dst.
	Compress(dst, src []byte) ([]byte, error)
	// Decompress appends what src was made from to dst. It stops with an error that
	// matches ErrTooLarge as soon as that is longer than limit bytes, and never holds
	// much more than limit, whatever sizes src claims. Nothing is no compressed form:
	// an empty src is an error.
	Decompress(dst, src []byte, limit int) ([]byte, error)
}

// Set is an immutable collection of compressors. The zero value is empty.
type Set struct {
	byID [protocol.MaxCompressType + 1]Compressor
}

// NewSet returns a set of the given compressors. Of two with the same number the
// later one stays. Number 0 means "not compressed", and 7 is the largest: others
// are errors.
func NewSet(compressors ...Compressor) (*Set, error) {
	s := new(Set)
	for _, c := range compressors {
		if c.ID() == protocol.None || c.ID() > protocol.MaxCompressType {
			return nil, fmt.Errorf("compress: %s has number %d, want 1 to %d", c.Name(), c.ID(), protocol.MaxCompressType)
		}
		s.byID[c.ID()] = c
	}
	return s, nil
}

// Lookup returns the compressor with the given number, nil if there is none.
func (s *Set) Lookup(id protocol.CompressType) Compressor {
	if id > protocol.MaxCompressType {
		return nil
	}
	return s.byID[id]
}

// All returns the compressors of the set, by number.
func (s *Set) All() []Compressor {
	var all []Compressor
	for _, c := range s.byID {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}
