// SPDX-License-Identifier: Apache-2.0

package protocol

// BufferSize returns how many bytes of buffer r is reading into.
func (r *Reader) BufferSize() int { return len(r.in.array) }

// Before returns k as if n bytes more lay between the start of the frame and its
// fields, so that a test need not hold a frame of 4 GiB.
func (k Mark) Before(n int) Mark {
	k.start -= n
	return k
}
