// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Under the race detector a sync.Pool drops items at random, so nothing about
// allocations holds there.

package gzip

import (
	"bytes"
	"testing"
)

func TestNoAllocationInSteadyState(t *testing.T) {
	c := New()
	data := bytes.Repeat([]byte("0123456789"), 1000)
	packed, err := c.Compress(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	into, back := make([]byte, 0, 2*len(packed)), make([]byte, 0, len(data)+1)
	if got := testing.AllocsPerRun(200, func() { _, _ = c.Compress(into, data) }); got != 0 {
		t.Errorf("Compress allocates %v times, want 0", got)
	}
	if got := testing.AllocsPerRun(200, func() { _, _ = c.Decompress(back, packed, len(data)+1) }); got != 0 {
		t.Errorf("Decompress allocates %v times, want 0", got)
	}
}

func BenchmarkCompress(b *testing.B) {
	c, data := New(), bytes.Repeat([]byte(`{"id":17,"name":"x"}`), 500)
	var out []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		out, _ = c.Compress(out[:0], data)
	}
}

func BenchmarkDecompress(b *testing.B) {
	c, data := New(), bytes.Repeat([]byte(`{"id":17,"name":"x"}`), 500)
	packed, _ := c.Compress(nil, data)
	var out []byte
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		out, _ = c.Decompress(out[:0], packed, len(data))
	}
}
