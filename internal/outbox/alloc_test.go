// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Under the race detector a sync.Pool drops items at random.

package outbox_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/outbox"
)

// A frame that is filled into a Buffer of the outbox does not grow it, once the size is
// known.
func TestBufferDoesNotAllocate(t *testing.T) {
	o := outbox.New(sink{}, time.Hour, roomy)
	content := make([]byte, 64<<10+50)
	got := testing.AllocsPerRun(500, func() {
		b := o.Buffer(1 << 10)
		b.B = append(b.B, content...)
		if _, err := o.Add(context.Background(), b, true); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("a frame of 64 KiB allocates %v times, want 0", got)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	for name, size := range map[string]int{"small": 100, "large": 20 << 10} {
		for _, gather := range []bool{false, true} {
			o := outbox.New(sink{}, time.Hour, roomy)
			content := make([]byte, size)
			got := testing.AllocsPerRun(2000, func() {
				b := bufpool.Get(size)
				b.B = append(b.B, content...)
				if _, err := o.Add(context.Background(), b, gather); err != nil {
					t.Fatal(err)
				}
			})
			if got != 0 {
				t.Errorf("Add of a %s frame, gather=%t, allocates %v times, want 0", name, gather, got)
			}
		}
	}
}

// A TCP connection is written to in vectors, which must not cost anything either.
func TestBatchDoesNotAllocate(t *testing.T) {
	client, server := tcpPair(t)
	go func() { _, _ = io.Copy(io.Discard, server) }()
	o := outbox.New(client, time.Hour, roomy)
	content := make([]byte, 20<<10)
	fill := func() {
		for range 4 {
			b := bufpool.Get(len(content))
			b.B = append(b.B, content...)
			if _, err := o.Add(context.Background(), b, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := testing.AllocsPerRun(500, fill); got >= 1 {
		t.Errorf("four large frames allocate %v times, want 0", got)
	}
	o.Close(nil)
}

// One operation is one frame, from an empty buffer to the write.
func BenchmarkFrame(b *testing.B) {
	for _, size := range []int{581, 64<<10 + 50, 1<<20 + 50} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			content := make([]byte, size)
			o := outbox.New(sink{}, time.Hour, roomy)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				buf := o.Buffer(1 << 10)
				buf.B = append(buf.B, content...)
				_, _ = o.Add(context.Background(), buf, false)
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	content := make([]byte, 100)
	b.ReportAllocs()
	o := outbox.New(sink{}, time.Hour, roomy)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			buf := bufpool.Get(len(content))
			buf.B = append(buf.B, content...)
			_, _ = o.Add(context.Background(), buf, true)
		}
	})
}
