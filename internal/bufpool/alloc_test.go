// SPDX-License-Identifier: Apache-2.0

//go:build !race

// These tests look at what a sync.Pool keeps. Under the race detector one drops
// items at random.

package bufpool

import (
	"fmt"
	"testing"
)

func TestNoAllocationInSteadyState(t *testing.T) {
	for _, n := range []int{0, 512, 4 << 10, 64 << 10, 1 << 20, 1<<20 + 50, 4 << 20} {
		if got := testing.AllocsPerRun(1000, func() { Get(n).Free() }); got != 0 {
			t.Errorf("Get(%d).Free() allocates %v times, want 0", n, got)
		}
	}
	grown := testing.AllocsPerRun(1000, func() {
		b := Get(4 << 10)
		b.B = append(b.B[:0], make([]byte, 4<<10)...)
		b.Free()
	})
	if grown != 0 {
		t.Errorf("filling a buffer allocates %v times, want 0", grown)
	}
}

func TestGrownBufferServesItsNewClass(t *testing.T) {
	for range 100 { // a garbage collection or a change of processor may come between
		b := Get(512)
		b.B = make([]byte, 0, 39<<10) // between two classes: it serves the lower one
		b.Free()
		got := Get(32 << 10)
		if got == b {
			return
		}
	}
	t.Errorf("Get(32 KiB) never is the buffer that grew to 48 KiB")
}

// What starts with a hint need not grow.
func TestHintSavesAllocations(t *testing.T) {
	var h Hint
	content := make([]byte, 70_000)
	got := testing.AllocsPerRun(1000, func() {
		b := h.Get(1 << 10)
		b.B = append(b.B, content...)
		h.Note(len(b.B))
		b.Free()
	})
	if got != 0 {
		t.Errorf("a buffer of a size that was seen before allocates %v times, want 0", got)
	}
}

func BenchmarkGetFree(b *testing.B) {
	for _, n := range []int{4 << 10, 64<<10 + 50, 1<<20 + 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Get(n).Free()
			}
		})
	}
}

func BenchmarkFillWithHint(b *testing.B) {
	content := make([]byte, 64<<10+50)
	var h Hint
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		buf := h.Get(1 << 10)
		buf.B = append(buf.B, content...)
		h.Note(len(buf.B))
		buf.Free()
	}
}

// What was encoded into and what was received into do not take each other's place from 1 MiB
// on, and do below that.
func TestEncodedApart(t *testing.T) {
	for _, tt := range []struct {
		n     int
		apart bool
	}{{64 << 10, false}, {1<<20 - 1, false}, {1<<20 + 1, true}} {
		var h Hint
		shared := false
		for range 100 { // a garbage collection or a change of processor may come between
			b := h.Get(tt.n)
			b.Free()
			got := Get(tt.n)
			shared = shared || got == b
		}
		if shared == tt.apart {
			t.Errorf("%d bytes: what was encoded into is received into: %t", tt.n, shared)
		}
	}
}
