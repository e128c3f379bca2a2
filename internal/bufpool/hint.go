// SPDX-License-Identifier: Apache-2.0

package bufpool

import "sync/atomic"

// Hint remembers how large buffers became that something was encoded into, so that the next one
// starts with enough room: growing costs a larger buffer and a copy each time. It
// forgets: after a large one, each smaller one takes a quarter off the difference.
// What is not kept for reuse is not remembered. The zero value is ready for use, by
// any number of goroutines; one that is noted at the same time as another may be lost.
type Hint struct{ size atomic.Int64 }

// Note takes down that a buffer was filled with n bytes.
func (h *Hint) Note(n int) {
	size := int(h.size.Load())
	switch {
	case n == size || n > 1<<maxShift:
	case n > size:
		h.size.Store(int64(n))
	case size > 1<<minShift: // what every class holds need not be known better
		h.size.Store(int64(size - (size-n+3)/4))
	}
}

// Get returns a buffer of length 0, to encode something into, with room for what is to be
// expected, and for at least n bytes.
func (h *Hint) Get(n int) *Buffer { return get(max(n, int(h.size.Load())), true) }

// Size returns how many bytes are to be expected.
func (h *Hint) Size() int { return int(h.size.Load()) }
