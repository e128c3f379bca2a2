// SPDX-License-Identifier: Apache-2.0

//go:build !race

// These tests look at what a sync.Pool keeps. Under the race detector one drops
// items at random.

package bufpool

import "testing"

func TestNoAllocationInSteadyState(t *testing.T) {
	for _, n := range []int{0, 512, 4 << 10, 64 << 10, 1 << 20} {
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
		b.B = make([]byte, 0, 48<<10) // between two classes: it serves the lower one
		b.Free()
		got := Get(32 << 10)
		if got == b {
			return
		}
	}
	t.Errorf("Get(32 KiB) never is the buffer that grew to 48 KiB")
}

func BenchmarkGetFree(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Get(4 << 10).Free()
	}
}
