// SPDX-License-Identifier: Apache-2.0

// Package bufpool lends byte buffers, by size class. A [Buffer] has one owner, who
// gives it back with Free and touches neither it nor its bytes afterwards. What user
// code may keep is never such memory.
package bufpool

import (
	"math/bits"
	"sync"
)

// The classes hold the capacities from 1<<minShift to 1<<maxShift bytes, each twice
// the one before: 512 B to 4 MiB. Larger buffers are left to the garbage collector,
// so that a rare giant is not held on to.
const (
	minShift = 9
	maxShift = 22
)

// pools holds, in class i, buffers of at least 1<<(minShift+i) bytes. It is the one
// state that a package of this project keeps: a cache nobody can observe. What Get
// returns never depends on what was in it, the garbage collector empties it, and one
// cache per process serves all connections of all clients and servers better than
// many small ones would.
var pools [maxShift - minShift + 1]sync.Pool //nolint:gochecknoglobals // see above

// Buffer is a byte slice on loan. The owner may append to B, reslice and replace it.
type Buffer struct{ B []byte }

// Get returns a buffer of length 0 with room for at least n bytes.
func Get(n int) *Buffer {
	class := 0
	if n > 1<<minShift {
		class = bits.Len(uint(n-1)) - minShift
	}
	if class >= len(pools) {
		return &Buffer{B: make([]byte, 0, n)}
	}
	if b, ok := pools[class].Get().(*Buffer); ok {
		return b
	}
	return &Buffer{B: make([]byte, 0, 1<<(minShift+class))}
}

// Free ends the loan. A buffer whose B has grown serves larger wishes from now on;
// one whose B was taken away or is over 4 MiB is dropped.
func (b *Buffer) Free() {
	if cap(b.B) < 1<<minShift || cap(b.B) > 1<<maxShift {
		return
	}
	b.B = b.B[:0]
	pools[bits.Len(uint(cap(b.B)))-1-minShift].Put(b)
}
