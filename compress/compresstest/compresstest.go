// SPDX-License-Identifier: Apache-2.0

// Package compresstest is the suite that every compress.Compressor passes, those of
// this project and those of others alike:
//
//	func TestConformance(t *testing.T) { compresstest.Run(t, snappy.New()) }
//	func FuzzDecompress(f *testing.F)  { compresstest.Fuzz(f, snappy.New()) }
//
// It asks for what the calls of a server need: contents come back as they were, also
// when many compress at once; nothing damaged is taken for whole; and a peer cannot
// make anybody hold more memory than the limit.
package compresstest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
)

// Run tests c. It measures memory, so nothing else should run beside it.
func Run(t *testing.T, c compress.Compressor) {
	t.Run("Identity", func(t *testing.T) { testIdentity(t, c) })
	t.Run("RoundTrip", func(t *testing.T) { testRoundTrip(t, c) })
	t.Run("Append", func(t *testing.T) { testAppend(t, c) })
	t.Run("Limit", func(t *testing.T) { testLimit(t, c) })
	t.Run("Bomb", func(t *testing.T) { testBomb(t, c) })
	t.Run("Garbage", func(t *testing.T) { testGarbage(t, c) })
	t.Run("Truncated", func(t *testing.T) { testTruncated(t, c) })
	t.Run("Damaged", func(t *testing.T) { testDamaged(t, c) })
	t.Run("Concurrent", func(t *testing.T) { testConcurrent(t, c) })
}

// sample is a content and its name.
type sample struct {
	name string
	data []byte
}

func samples() []sample {
	return []sample{
		{"empty", nil},
		{"one byte", []byte("x")},
		{"small", []byte("hello, hello, hello")},
		{"64 KiB of text", text(64 << 10)},
		{"64 KiB of zeros", make([]byte, 64<<10)},
		{"64 KiB incompressible", noise(64<<10, 1)},
		{"8 MiB of text", text(8 << 20)},
		{"8 MiB incompressible", noise(8<<20, 2)},
	}
}

// text returns n bytes that compress as JSON does.
func text(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"name":"item %d","tags":["a","b"]},`, i, i*i%997)
	}
	return b.Bytes()[:n]
}

// noise returns n bytes that do not compress, the same ones for the same seed.
func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

func pack(t testing.TB, c compress.Compressor, data []byte) []byte {
	t.Helper()
	packed, err := c.Compress(nil, data)
	if err != nil {
		t.Fatalf("Compress of %d bytes: %v", len(data), err)
	}
	return packed
}

func testIdentity(t *testing.T, c compress.Compressor) {
	if c.ID() == protocol.None || c.ID() > protocol.MaxCompressType {
		t.Errorf("ID() = %d, want 1 to %d", c.ID(), protocol.MaxCompressType)
	}
	if c.Name() == "" || c.Name() != strings.ToLower(c.Name()) {
		t.Errorf("Name() = %q, want lower case", c.Name())
	}
}

func testRoundTrip(t *testing.T, c compress.Compressor) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			before := bytes.Clone(s.data)
			packed := pack(t, c, s.data)
			if !bytes.Equal(s.data, before) {
				t.Error("Compress changed its source")
			}
			if most := len(s.data) + len(s.data)/100 + 256; len(packed) > most {
				t.Errorf("%d bytes became %d, want at most %d", len(s.data), len(packed), most)
			}
			sealed := bytes.Clone(packed)
			got, err := c.Decompress(nil, packed, len(s.data))
			if err != nil {
				t.Fatalf("Decompress: %v", err)
			}
			if !bytes.Equal(got, s.data) {
				t.Errorf("%d other bytes came back for %d", len(got), len(s.data))
			}
			if !bytes.Equal(packed, sealed) {
				t.Error("Decompress changed its source")
			}
		})
	}
}

// testAppend hands in destinations with and without spare room. The sentinels behind
// it are the neighbour's bytes in a shared buffer: they stay.
func testAppend(t *testing.T, c compress.Compressor) {
	data := text(3000)
	packed := pack(t, c, data)
	ops := []struct {
		name string
		op   func(dst []byte) ([]byte, error)
		want []byte
	}{
		{"Compress", func(dst []byte) ([]byte, error) { return c.Compress(dst, data) }, packed},
		{"Decompress", func(dst []byte) ([]byte, error) { return c.Decompress(dst, packed, len(data)) }, data},
	}
	for _, o := range ops {
		for _, room := range []int{0, 1, len(o.want) - 1, len(o.want), len(o.want) + 1, 10_000} {
			t.Run(fmt.Sprintf("%s into room for %d", o.name, room), func(t *testing.T) {
				backing := bytes.Repeat([]byte{0xee}, 4+room+8)
				copy(backing, "head")
				got, err := o.op(backing[: 4 : 4+room])
				if err != nil {
					t.Fatal(err)
				}
				if want := append([]byte("head"), o.want...); !bytes.Equal(got, want) {
					t.Errorf("%d bytes that are not the prefix and the result of %d", len(got), len(o.want))
				}
				if !bytes.Equal(backing[:4], []byte("head")) {
					t.Error("the prefix was overwritten")
				}
				if tail := backing[4+room:]; !bytes.Equal(tail, bytes.Repeat([]byte{0xee}, 8)) {
					t.Error("bytes behind the capacity were overwritten")
				}
			})
		}
	}
}

// testLimit looks at both sides of the edge.
func testLimit(t *testing.T, c compress.Compressor) {
	for _, size := range []int{0, 1, 2, 511, 512, 513, 1 << 10, 64<<10 - 1, 64 << 10, 128<<10 + 1, 1 << 20} {
		for _, prefix := range []string{"", "head"} {
			data := text(size)
			packed := pack(t, c, data)
			got, err := c.Decompress([]byte(prefix), packed, size)
			if err != nil || string(got) != prefix+string(data) {
				t.Errorf("%d bytes behind %q with limit %d: %d bytes, error %v", size, prefix, size, len(got), err)
			}
			got, err = c.Decompress([]byte(prefix), packed, size-1)
			if !errors.Is(err, compress.ErrTooLarge) {
				t.Errorf("%d bytes behind %q with limit %d: error %v, want ErrTooLarge", size, prefix, size-1, err)
			}
			if string(got) != prefix {
				t.Errorf("%d bytes behind %q with limit %d: the error came with %d bytes, want dst", size, prefix, size-1, len(got))
			}
		}
	}
}

// testBomb decompresses little that claims and holds much. What is allowed for is the
// limit twice over, as buffers double, and the state of a decoder.
func testBomb(t *testing.T, c compress.Compressor) {
	const (
		limit   = 16 << 20
		allowed = 3*limit + 16<<20
	)
	one := pack(t, c, make([]byte, 32<<20))
	many := bytes.Repeat(one, 1<<30/(32<<20)) // 1 GiB where members may be concatenated
	bombs := []struct {
		name string
		bomb []byte
	}{{"32 MiB", one}, {"1 GiB", many}}
	for _, b := range bombs {
		t.Run(b.name, func(t *testing.T) {
			t.Logf("the bomb has %d bytes", len(b.bomb))
			before := allocated()
			got, err := c.Decompress(nil, b.bomb, limit)
			cost := allocated() - before
			if !errors.Is(err, compress.ErrTooLarge) {
				t.Errorf("error %v, want ErrTooLarge", err)
			}
			if len(got) != 0 {
				t.Errorf("%d bytes came with the error, want none", len(got))
			}
			if cost > allowed {
				t.Errorf("it cost %d bytes, want at most %d", cost, allowed)
			}
		})
	}
}

// allocated returns the bytes allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func testGarbage(t *testing.T, c compress.Compressor) {
	inputs := []sample{
		{"nothing", nil},
		{"zeros", make([]byte, 1000)},
		{"text", text(1000)},
		{"JSON", []byte(`{"A":2,"B":3}`)},
		{"noise", noise(1000, 3)},
		{"text behind a whole stream", append(pack(t, c, text(100)), text(100)...)},
		{"a byte behind a whole stream", append(pack(t, c, text(100)), 'x')},
	}
	for _, in := range inputs {
		t.Run(in.name, func(t *testing.T) {
			got, err := c.Decompress([]byte("head"), in.data, 1<<20)
			if err == nil {
				t.Errorf("no error, and %d bytes", len(got)-4)
			}
			if string(got) != "head" {
				t.Errorf("the error came with %d bytes, want dst", len(got))
			}
		})
	}
}

func testTruncated(t *testing.T, c compress.Compressor) {
	for _, data := range [][]byte{nil, []byte("x"), text(5000), noise(2000, 4)} {
		packed := pack(t, c, data)
		for n := range packed {
			if got, err := c.Decompress(nil, packed[:n], 1<<20); err == nil {
				t.Errorf("%d of %d bytes were taken for the whole: %d bytes for %d", n, len(packed), len(got), len(data))
			}
		}
	}
}

// testDamaged changes single bits and bytes. A field that carries no content, such as
// a time, may change unnoticed; contents may not.
func testDamaged(t *testing.T, c compress.Compressor) {
	for _, data := range [][]byte{text(1500), noise(300, 5), make([]byte, 4000)} {
		packed := pack(t, c, data)
		last := len(packed) - 1
		for i := range packed {
			for _, flip := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
				packed[i] ^= flip
				got, err := c.Decompress(nil, packed, 1<<20)
				if err == nil && !bytes.Equal(got, data) {
					t.Errorf("byte %d of %d changed by %#02x: other contents without an error", i, len(packed), flip)
				}
				if err == nil && i == last {
					t.Errorf("the last byte changed by %#02x: no error, want a checksum over the contents", flip)
				}
				packed[i] ^= flip
			}
		}
	}
}

// testConcurrent has many goroutines compress and decompress contents of their own,
// each result looked at after others had time to overwrite what is not its own.
func testConcurrent(t *testing.T, c compress.Compressor) {
	const workers, rounds = 32, 8
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			data := append(text(10_000+w*101), noise(5_000, byte(w))...)
			var packed, got [rounds][]byte
			var err error
			for r := range rounds {
				data[0], data[len(data)-1] = byte(r), byte(r)
				if packed[r], err = c.Compress(nil, data); err != nil {
					t.Errorf("worker %d: Compress: %v", w, err)
					return
				}
				if got[r], err = c.Decompress(nil, packed[r], len(data)); err != nil {
					t.Errorf("worker %d: Decompress: %v", w, err)
					return
				}
			}
			for r := range rounds {
				data[0], data[len(data)-1] = byte(r), byte(r)
				if !bytes.Equal(got[r], data) {
					t.Errorf("worker %d, round %d: other bytes came back", w, r)
				}
				again, err := c.Decompress(got[r][:0], packed[r], len(data))
				if err != nil || !bytes.Equal(again, data) {
					t.Errorf("worker %d, round %d: the compressed form changed afterwards: error %v", w, r, err)
				}
			}
		})
	}
	wg.Wait()
}
