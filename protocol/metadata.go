// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"iter"
	"maps"
	"slices"
)

// Metadata is an immutable list of key and value pairs that travels beside a
// payload. It is kept in its wire form: looking a key up scans it, adding to it
// makes a new one, and handing it on costs nothing. The zero value is empty.
// Keys and values may hold any bytes, and may be empty.
type Metadata struct {
	block string // pairs of length-prefixed strings, always well formed
}

// NewMetadata returns the pairs of m, ordered by key.
func NewMetadata(m map[string]string) Metadata {
	if len(m) == 0 {
		return Metadata{}
	}
	var b []byte
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = AppendPair(b, k, m[k])
	}
	return Metadata{block: string(b)}
}

// Pairs returns metadata with the given keys and values in turn. A last key
// without a value gets the empty value.
func Pairs(keysAndValues ...string) Metadata {
	var b []byte
	for i := 0; i < len(keysAndValues); i += 2 {
		v := ""
		if i+1 < len(keysAndValues) {
			v = keysAndValues[i+1]
		}
		b = AppendPair(b, keysAndValues[i], v)
	}
	return Metadata{block: string(b)}
}

// ParseMetadata copies and checks an encoded metadata block.
func ParseMetadata(block []byte) (Metadata, error) {
	if _, err := countPairs(block); err != nil {
		return Metadata{}, err
	}
	return Metadata{block: string(block)}, nil
}

// Get returns the value of key, "" if there is none. Where a key stands twice the
// last one counts, as in rpcx.
func (m Metadata) Get(key string) string {
	v, _ := m.Lookup(key)
	return v
}

// Lookup returns the value of key and whether it is there.
func (m Metadata) Lookup(key string) (value string, ok bool) {
	for k, v := range m.All() {
		if k == key {
			value, ok = v, true
		}
	}
	return value, ok
}

// All yields the pairs in wire order.
func (m Metadata) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for b := m.block; len(b) > 0; {
			var k, v string
			k, b = cutString(b)
			v, b = cutString(b)
			if !yield(k, v) {
				return
			}
		}
	}
}

// Len returns the number of pairs.
func (m Metadata) Len() int {
	n := 0
	for range m.All() {
		n++
	}
	return n
}

// Size returns the length of the encoded block in bytes.
func (m Metadata) Size() int { return len(m.block) }

// IsZero reports whether m holds no pair.
func (m Metadata) IsZero() bool { return m.block == "" }

// Map returns a new map with the pairs; nil when there are none.
func (m Metadata) Map() map[string]string {
	if m.IsZero() {
		return nil
	}
	out := make(map[string]string, m.Len())
	maps.Insert(out, m.All())
	return out
}

// With returns m with key set to value: an earlier pair of that key is gone.
func (m Metadata) With(key, value string) Metadata {
	b := make([]byte, 0, len(m.block)+8+len(key)+len(value))
	b = m.appendUnless(b, func(k string) bool { return k == key })
	return Metadata{block: string(AppendPair(b, key, value))}
}

// Without returns m without the pairs of key.
func (m Metadata) Without(key string) Metadata {
	if _, ok := m.Lookup(key); !ok {
		return m
	}
	return Metadata{block: string(m.appendUnless(nil, func(k string) bool { return k == key }))}
}

// Merge returns the pairs of m and then those of other. Where both have a key
// other wins.
func (m Metadata) Merge(other Metadata) Metadata {
	switch {
	case other.IsZero():
		return m
	case m.IsZero():
		return other
	default:
		b := make([]byte, 0, len(m.block)+len(other.block))
		b = m.appendUnless(b, func(k string) bool { _, ok := other.Lookup(k); return ok })
		return Metadata{block: string(append(b, other.block...))}
	}
}

// appendUnless appends the encoded pairs of m to dst, but for those whose key drop
// reports.
func (m Metadata) appendUnless(dst []byte, drop func(key string) bool) []byte {
	for k, v := range m.All() {
		if !drop(k) {
			dst = AppendPair(dst, k, v)
		}
	}
	return dst
}

// AppendBinary appends the encoded block to dst. It never fails.
func (m Metadata) AppendBinary(dst []byte) ([]byte, error) {
	return append(dst, m.block...), nil
}

// AppendPair appends one encoded pair to an encoded block.
func AppendPair(dst []byte, key, value string) []byte {
	dst = appendUint32(dst, len(key))
	dst = append(dst, key...)
	dst = appendUint32(dst, len(value))
	return append(dst, value...)
}

// LookupBlock finds key in an encoded block without copying anything but the
// value's header: value lies inside block. A malformed block reads as empty from
// the fault on. Where a key stands twice the last one counts.
func LookupBlock(block []byte, key string) (value []byte, ok bool) {
	c := cursor{b: block}
	for len(c.b) > 0 {
		k, ok1 := c.field()
		v, ok2 := c.field()
		if !ok1 || !ok2 {
			return value, ok
		}
		if string(k) == key {
			value, ok = v, true
		}
	}
	return value, ok
}

// countPairs checks an encoded block and returns how many pairs it holds.
func countPairs(block []byte) (int, error) {
	n := 0
	for c := (cursor{b: block}); len(c.b) > 0; n++ {
		if _, ok := c.field(); !ok {
			return n, malformed("metadata key %d runs past the block of %d bytes", n, len(block))
		}
		if _, ok := c.field(); !ok {
			return n, malformed("metadata value %d is missing or runs past the block of %d bytes", n, len(block))
		}
	}
	return n, nil
}

// cutString splits the first length-prefixed string off a well-formed block.
func cutString(b string) (s, rest string) {
	n := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	return b[4 : 4+n], b[4+n:]
}
