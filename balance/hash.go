// SPDX-License-Identifier: Apache-2.0

package balance

// hash is a 64-bit FNV-1a that grows by what is written to it. Sum mixes its bits, with
// the last step of MurmurHash3: FNV alone puts texts that differ at the end only next to
// each other.
type hash uint64

const newHash hash = 14695981039346656037

func (h hash) text(s string) hash {
	for i := range len(s) {
		h = h.byte(s[i])
	}
	return h
}

func (h hash) bytes(b []byte) hash {
	for _, c := range b {
		h = h.byte(c)
	}
	return h
}

func (h hash) byte(c byte) hash { return (h ^ hash(c)) * 1099511628211 }

func (h hash) sum() uint64 {
	x := uint64(h)
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

func hashOf(s string) uint64 { return newHash.text(s).sum() }
