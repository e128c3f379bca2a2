// SPDX-License-Identifier: Apache-2.0

package bufpool

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
)

func TestGet(t *testing.T) {
	t.Parallel()
	tests := []struct{ n, want int }{
		{-1, 512},
		{0, 512},
		{1, 512},
		{512, 512},
		{513, 640},
		{640, 640},
		{641, 768},
		{896, 896},
		{897, 1024},
		{1024, 1024},
		{1025, 1280},
		{64 << 10, 64 << 10},
		{64<<10 + 1, 80 << 10},
		{1<<20 - 1, 1 << 20},
		{1 << 20, 1 << 20},
		{1<<20 + 1, 5 << 18},
		{4 << 20, 4 << 20},
		{4<<20 + 1, 4<<20 + 1},
		{5 << 20, 5 << 20},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.n), func(t *testing.T) {
			t.Parallel()
			b := Get(tt.n)
			if len(b.B) != 0 || cap(b.B) < tt.want {
				t.Errorf("Get(%d): length %d, capacity %d, want 0 and at least %d", tt.n, len(b.B), cap(b.B), tt.want)
			}
			b.Free()
		})
	}
}

// TestClassKeepsItsPromise frees buffers of every shape and then looks at what each
// class hands out: length 0 and never less room than asked for.
func TestClassKeepsItsPromise(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 100, 511, 512, 513, 700, 1023, 1024, 1500, 3 << 10, 100 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1, 3 << 20} {
		b := Get(0)
		b.B = append(make([]byte, 0, n), bytes.Repeat([]byte("x"), n)...)
		b.Free()
	}
	for class := range classes {
		for range 8 {
			n := capacity(class)
			if b := Get(n); len(b.B) != 0 || cap(b.B) < n || cap(b.B) > 1<<maxShift {
				t.Errorf("Get(%d): length %d, capacity %d", n, len(b.B), cap(b.B))
			}
		}
	}
}

func TestFreeOfTakenBuffer(t *testing.T) {
	t.Parallel()
	b := Get(100)
	b.B = nil // the owner keeps the bytes
	b.Free()
	if got := Get(100); cap(got.B) < 100 {
		t.Errorf("capacity %d after a buffer without bytes was freed, want at least 100", cap(got.B))
	}
}

func TestConcurrentOwners(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			want := bytes.Repeat([]byte{byte(g)}, 3000)
			for i := range 200 {
				b := Get(i * 16)
				b.B = append(b.B, want...)
				if !bytes.Equal(b.B, want) {
					t.Errorf("owner %d sees another's bytes", g)
				}
				b.Free()
			}
		})
	}
	wg.Wait()
}
