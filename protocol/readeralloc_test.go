// SPDX-License-Identifier: Apache-2.0

//go:build !race

// These tests count on what a sync.Pool keeps. Under the race detector one drops
// items at random.

package protocol_test

import (
	"fmt"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// A reader that has found its pace allocates nothing, whatever the size of frames.
//
//nolint:paralleltest // counts allocations
func TestReaderAllocatesNothing(t *testing.T) {
	for _, c := range []struct{ frames, payload int }{
		{1, 100}, {50, 581}, {1, 10 << 10}, {1, 32 << 10}, {4, 64 << 10}, {1, 1 << 20}, {1, 3 << 20},
	} {
		t.Run(fmt.Sprintf("%dx%d", c.frames, c.payload), func(t *testing.T) {
			r := protocol.NewReader(&wakes{batch: batchOf(t, c.frames, c.payload)}, protocol.Limits{})
			read := func() {
				for range c.frames {
					if _, err := r.Next(); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range 20 {
				read()
			}
			budget(t, "a batch", 0, read)
		})
	}
}

// To give a frame away costs the function that gives it back.
//
//nolint:paralleltest // counts allocations
func TestDetachAllocatesNoBuffer(t *testing.T) {
	r := protocol.NewReader(&wakes{batch: request(t, 1, 100<<10)}, protocol.Limits{})
	budget(t, "a frame", 1, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		r.Detach()()
	})
}
