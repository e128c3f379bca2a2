// SPDX-License-Identifier: Apache-2.0

package bufpool

import (
	"sync"
	"testing"
)

func TestHint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		notes []int
		want  int
	}{
		{"nothing", nil, 0},
		{"one", []int{70_000}, 70_000},
		{"the largest", []int{100, 70_000}, 70_000},
		{"a quarter less", []int{8000, 4000}, 7000},
		{"half of them large", []int{70_000, 1000, 70_000, 1000, 70_000}, 70_000},
		{"too large to be kept", []int{5 << 20}, 0},
		{"a giant among others", []int{70_000, 16 << 20, 70_000}, 70_000},
		{"small ones do not matter", []int{300, 100, 50}, 300},
		{"nothing at all", []int{1000, 0, 0, 0, 0, 0, 0, 0}, 421},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var h Hint
			for _, n := range tt.notes {
				h.Note(n)
			}
			if got := h.Size(); got != tt.want {
				t.Errorf("expects %d, want %d", got, tt.want)
			}
			b := h.Get(64)
			if len(b.B) != 0 || cap(b.B) < max(64, tt.want) {
				t.Errorf("got length %d and capacity %d", len(b.B), cap(b.B))
			}
			b.Free()
		})
	}
}

// After one large buffer it takes few small ones until the next is small as well.
func TestHintFades(t *testing.T) {
	t.Parallel()
	var h Hint
	h.Note(1 << maxShift)
	n := 0
	for ; h.Size() > 1<<10; n++ {
		h.Note(600)
	}
	if n > 35 {
		t.Errorf("a buffer of 4 MiB is remembered for %d small ones", n)
	}
}

func TestHintOfMany(t *testing.T) {
	t.Parallel()
	var h Hint
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 1000 {
				h.Note(i * j)
				h.Get(0).Free()
			}
		})
	}
	all.Wait()
	if got := h.Size(); got < 0 || got > 7*999 {
		t.Errorf("expects %d bytes, and at most %d were noted", got, 7*999)
	}
}
