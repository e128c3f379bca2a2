// SPDX-License-Identifier: Apache-2.0

package protocol

import "weak"

// Sizes of a Reader's buffer: what an idle connection holds, what a busy one
// reads at once, and how much more than it has received a frame may claim.
const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
	growth      = 64 << 10
)

// steady is how many wakes more than not must have brought more than the small
// buffer holds before the stream counts as busy, and is waited for with the large one.
const steady = 4

// buffer holds the bytes that a Reader has received and not yet returned.
//
// A stream waits with the small array, so that thousands of idle ones cost little,
// unless it is busy. A larger array that goes out of use is left to the collector
// but remembered: a stream of large frames takes it up again each time, and a
// quiet one loses it with the next collection.
type buffer struct {
	array      []byte // array[start:end] is unread
	start, end int
	small      []byte
	held       *[]byte // array, when it is not small
	spare      weak.Pointer[[]byte]
	busy       int // 0 to 2*steady; see steady
}

func (b *buffer) unread() []byte { return b.array[b.start:b.end] }

// skip marks the first n unread bytes as read.
func (b *buffer) skip(n int) { b.start += n }

// space returns where to read to; it is never empty. size is that of the frame at
// the front, 0 when there is none or it is not known.
func (b *buffer) space(size int) []byte {
	have := b.end - b.start
	switch {
	case have == 0:
		b.rest()
	case len(b.array) > largeBuffer && size <= largeBuffer: // a large frame has passed
		b.move(newArray(largeBuffer))
	case b.mustGrow(size):
		b.grow(size)
	case b.start > 0:
		copy(b.array, b.unread())
		b.start, b.end = 0, have
	}
	return b.array[b.end:]
}

// filled adds the n bytes that were read to space.
func (b *buffer) filled(n int) {
	switch {
	case b.end > 0: // not the first bytes after a wait
	case n >= smallBuffer:
		b.busy = min(b.busy+1, 2*steady)
	default:
		b.busy = max(b.busy-1, 0)
	}
	b.end += n
}

// rest readies an empty buffer for a wait of any length.
func (b *buffer) rest() {
	b.start, b.end = 0, 0
	if len(b.array) == largeBuffer && b.busy >= steady {
		return
	}
	if b.small == nil {
		b.small = make([]byte, smallBuffer)
	}
	if b.held != nil {
		b.spare, b.held = weak.Make(b.held), nil
	}
	b.array = b.small
}

// mustGrow reports whether the array is too small for the frame at its front, or
// for a stream that filled it with one read. It is asked for each read, so what is
// large already grows only when it is full: doubling keeps the copying linear.
func (b *buffer) mustGrow(size int) bool {
	full := b.end == len(b.array)
	if len(b.array) < largeBuffer {
		return full || size > len(b.array)
	}
	return full && size > len(b.array) && b.start < len(b.array)/2
}

// grow moves the unread bytes to the spare array if it holds the whole frame, else
// to a new one in proportion to what has arrived.
func (b *buffer) grow(size int) {
	array := b.spare.Value()
	if array == nil || len(*array) < max(size, largeBuffer) {
		have := b.end - b.start
		array = newArray(max(largeBuffer, min(size, 2*have+growth)))
	}
	b.move(array)
}

// move makes array, which is not the current one, the buffer's own.
func (b *buffer) move(array *[]byte) {
	n := copy(*array, b.unread())
	b.array, b.held = *array, array
	b.start, b.end = 0, n
}

// split returns a buffer with the same unread bytes that shares no memory with b.
func (b *buffer) split() buffer {
	n := buffer{small: make([]byte, smallBuffer), busy: b.busy}
	n.array = n.small
	if have := len(b.unread()); have > smallBuffer {
		n.move(newArray(have))
	}
	n.end = copy(n.array, b.unread())
	return n
}

func newArray(n int) *[]byte {
	a := make([]byte, n)
	return &a
}
