// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Under the race detector a sync.Pool drops items at random.

package outbox_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/outbox"
)

// sink takes everything and keeps nothing.
type sink struct{ net.Conn }

func (sink) Write(b []byte) (int, error)      { return len(b), nil }
func (sink) SetWriteDeadline(time.Time) error { return nil }
func (sink) Close() error                     { return nil }

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
