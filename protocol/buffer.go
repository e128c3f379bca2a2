// SPDX-License-Identifier: Apache-2.0

package protocol

import "github.com/rpcx-go/rpcx/internal/bufpool"

// Sizes of a Reader's buffers: what an idle connection holds, what a busy one reads
// at once, and what a frame gets that has sent no more than a claim.
const (
	smallBuffer = 4 << 10
	largeBuffer = 32 << 10
	firstBuffer = 16 << 10
)

// growth is how many times larger a buffer becomes that a frame has filled: what has
// arrived of it is copied a third of a time, and the buffer is never more than so
// many times as large.
const growth = 4

// most is the largest buffer that a frame gets for what its claim alone is worth.
const most = 4 << 20

// steady is how many wakes more than not must have brought more than the small
// buffer holds before the stream counts as busy, and is waited for with the large one.
const steady = 4

// buffer holds the bytes that a Reader has received and not yet returned.
//
// A stream waits with the small array, so that thousands of idle ones cost little,
// unless it is busy. One that can wait without any takes the small array when there
// is something to read. A frame that is larger than the large array moves to a buffer
// of its own, and what is missing of it is read straight into that: nothing of what
// follows it, so that the buffer can be given away with the frame.
//
// Such a buffer is in proportion to what has arrived of the frame, or to what frames
// before it were that did arrive.
type buffer struct {
	array      []byte // array[start:end] is unread
	start, end int
	late       bool            // it waits without an array
	small      []byte          // nil while the stream rests with the large array, or late
	held       *bufpool.Buffer // what array is, when it is not small
	own        *bufpool.Buffer // what has arrived of a large frame, which is unread instead
	last       *bufpool.Buffer // the frame that take returned, if it was a large one
	usual      int             // size of recent large frames
	busy       int             // 0 to 2*steady; see steady
}

func (b *buffer) unread() []byte {
	if b.own != nil {
		return b.own.B
	}
	return b.array[b.start:b.end]
}

// take returns the frame at the front, which is whole, and marks it as read. It is
// valid until drop.
func (b *buffer) take(size int) []byte {
	frame := b.unread()[:size]
	if b.own == nil {
		b.start += size
		return frame
	}
	b.usual = min(max(size, b.usual-b.usual/8), most)
	b.last, b.own = b.own, nil
	return frame
}

// drop ends the life of the frame that take returned last.
func (b *buffer) drop() {
	if b.last != nil {
		b.last.Free()
		b.last = nil
	}
}

// space returns where to read to; it is empty only for a stream that waits without an
// array, with nothing unread. size is that of the frame at
// the front, 0 when there is none or it is not known.
func (b *buffer) space(size int) []byte {
	have := len(b.unread())
	switch {
	case have == 0:
		b.rest()
	case size > largeBuffer:
		return b.ownSpace(size)
	case len(b.array) < largeBuffer && (b.end == len(b.array) || size > len(b.array)):
		b.enlarge()
	case b.start > 0:
		copy(b.array, b.unread())
		b.start, b.end = 0, have
	}
	return b.array[b.end:]
}

// ownSpace is space for a frame that has, or now gets, a buffer of its own.
func (b *buffer) ownSpace(size int) []byte {
	have := len(b.unread())
	if b.own == nil || have == cap(b.own.B) {
		own := bufpool.Get(min(size, max(firstBuffer, growth*have, b.usual)))
		own.B = append(own.B, b.unread()...)
		if b.own != nil {
			b.own.Free()
		} else {
			b.busy = max(b.busy-2, 0) // what was read first was this frame, and not many small ones
			b.clear()
		}
		b.own = own
	}
	return b.own.B[have:min(size, cap(b.own.B))]
}

// filled adds the n bytes that were read to space.
func (b *buffer) filled(n int) {
	if b.own != nil {
		b.own.B = b.own.B[:len(b.own.B)+n]
		return
	}
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
	if b.busy >= steady {
		if len(b.array) != largeBuffer {
			b.clear()
			b.hold(largeBuffer)
		}
		b.small = nil
		return
	}
	b.clear()
	if b.late {
		return
	}
	if b.small == nil {
		b.small = make([]byte, smallBuffer)
	}
	b.array = b.small
}

// Take implements lateread.Space.
func (b *buffer) Take() []byte {
	b.hold(smallBuffer)
	return b.array
}

// Drop implements lateread.Space.
func (b *buffer) Drop() { b.clear() }

// enlarge moves the unread bytes to the large array.
func (b *buffer) enlarge() {
	unread, held := b.unread(), b.held
	b.hold(largeBuffer)
	b.start, b.end = 0, copy(b.array, unread)
	if held != nil {
		held.Free()
	}
}

// hold makes an array from the pool the buffer's own.
func (b *buffer) hold(size int) {
	b.held = bufpool.Get(size)
	b.array = b.held.B[:size]
}

// clear lets the array go, and with it what is unread.
func (b *buffer) clear() {
	if b.held != nil {
		b.held.Free()
		b.held = nil
	}
	b.array, b.start, b.end = nil, 0, 0
}

// split returns a buffer with the same unread bytes that shares no memory with b.
func (b *buffer) split() buffer {
	n := buffer{late: b.late, usual: b.usual, busy: b.busy}
	have := len(b.unread())
	switch {
	case b.own != nil:
		n.own = bufpool.Get(cap(b.own.B))
		n.own.B = append(n.own.B, b.own.B...)
		return n
	case have > smallBuffer:
		n.hold(largeBuffer)
	case b.late:
		n.hold(smallBuffer)
	default:
		n.small = make([]byte, smallBuffer)
		n.array = n.small
	}
	n.end = copy(n.array, b.unread())
	return n
}
