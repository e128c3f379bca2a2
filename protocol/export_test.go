// SPDX-License-Identifier: Apache-2.0

package protocol

import "github.com/rpcx-go/rpcx/internal/bufpool"

// BufferSize returns how many bytes of buffer r holds.
func (r *Reader) BufferSize() int {
	n := len(r.in.small)
	for _, b := range []*bufpool.Buffer{r.in.held, r.in.own, r.in.last} {
		if b != nil {
			n += cap(b.B)
		}
	}
	return n
}

// Before returns k as if n bytes more lay between the start of the frame and its
// fields, so that a test need not hold a frame of 4 GiB.
func (k Mark) Before(n int) Mark {
	k.start -= n
	return k
}
