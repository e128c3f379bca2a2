// SPDX-License-Identifier: Apache-2.0

// Package bufpool lends byte buffers, by size class. A [Buffer] has one owner, who
// gives it back with Free and touches neither it nor its bytes afterwards. What user
// code may keep is never such memory.
package bufpool

import (
	"math/bits"
	"sync"
)

// The classes hold the capacities from 1<<minShift to 1<<maxShift bytes, 512 B to 4 MiB,
// four to each doubling: from the second on a buffer is at most a quarter too large. Larger
// buffers are left to the garbage collector, so that a rare giant is not held on to.
const (
	minShift = 9
	maxShift = 22
	classes  = (maxShift-minShift)*4 + 1
)

// capacity is what the buffers of a class hold at least.
func capacity(class int) int { return (4 + class%4) << (minShift - 2 + class/4) }

// below returns the largest class that a buffer of n bytes can serve; n is at least
// 1<<minShift. The first binary digit of n gives the doubling, the next two the class in it.
func below(n int) int {
	shift := bits.Len(uint(n)) - 3
	return (shift-minShift+2)*4 + n>>shift&3
}

// pools holds the buffers of each class. It is the one state that a package of this
// project keeps: a cache nobody can observe. What Get returns never depends on what was in
// it, the garbage collector empties it, and one cache per process serves all connections
// of all clients and servers better than many small ones would.
var pools [classes]sync.Pool //nolint:gochecknoglobals // see above

// encoded holds what pools would, of the classes above bypass, for what is encoded. To copy
// a megabyte or more Go writes past the caches of a processor with AVX, and where those hold the
// memory that is written to, as they do after something was received into it, that takes twice as
// long.
var encoded [classes]sync.Pool //nolint:gochecknoglobals // see pools

// bypass is the number of bytes from which on Go's memmove writes past the caches. A frame of as
// many has a payload of less.
const bypass = 1 << 20

// Buffer is a byte slice on loan. The owner may append to B, reslice and replace it.
type Buffer struct {
	B []byte

	encode bool // it is for something encoded
}

// pool returns where buffers of a class are kept.
func pool(class int, encode bool) *sync.Pool {
	if encode && capacity(class) > bypass {
		return &encoded[class]
	}
	return &pools[class]
}

// Get returns a buffer of length 0 with room for at least n bytes, for something that is
// received or gathered. For what is encoded there is [Hint].
func Get(n int) *Buffer { return get(n, false) }

func get(n int, encode bool) *Buffer {
	class := 0
	if n > 1<<minShift {
		class = below(n-1) + 1
	}
	if class >= classes {
		return &Buffer{B: make([]byte, 0, n)}
	}
	if b, ok := pool(class, encode).Get().(*Buffer); ok {
		b.encode = encode
		return b
	}
	return &Buffer{B: make([]byte, 0, capacity(class)), encode: encode}
}

// Free ends the loan. A buffer whose B has grown serves larger wishes from now on;
// one whose B was taken away or is over 4 MiB is dropped.
func (b *Buffer) Free() {
	if cap(b.B) < 1<<minShift || cap(b.B) > 1<<maxShift {
		return
	}
	b.B = b.B[:0]
	pool(below(cap(b.B)), b.encode).Put(b)
}
