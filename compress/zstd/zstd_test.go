// SPDX-License-Identifier: Apache-2.0

package zstd

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/compress/compresstest"
	"github.com/rpcx-go/rpcx/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	compresstest.Run(t, New())
}

func FuzzDecompress(f *testing.F) {
	compresstest.Fuzz(f, New(), raw("x", 0x00, 0x68), rle(3), unhex(f, hello))
}

// hello is what the reference implementation's program, version 1.5.4, makes of the
// word and a blank six times, the last without the blank.
const hello = "28b52ffd24236500003068656c6c6f200100b94b112be168e7"

// Parts of frames by RFC 8878, section 3.1.1.
const (
	magic         = "\x28\xb5\x2f\xfd"
	singleSegment = 0x20
	size4, size8  = 0x80, 0xc0 // the content size is there, in 4 or 8 bytes
	window1K      = 0x00
	window128K    = 0x38
	window8M      = 0x68
	window9M      = 0x69
)

// The kinds of blocks, and the bit of the last one.
const rawBlock, rleBlock, lastBlock = 0 << 1, 1 << 1, 1

func appendBlock(b []byte, kind, size int, content string) []byte {
	head := size<<3 | kind
	return append(append(b, byte(head), byte(head>>8), byte(head>>16)), content...)
}

// raw returns a frame with the given header that holds content as it is.
func raw(content string, header ...byte) []byte {
	return appendBlock(append([]byte(magic), header...), rawBlock|lastBlock, len(content), content)
}

// rle returns a frame of n blocks of 128 KiB, each told in four bytes.
func rle(n int) []byte {
	b := append([]byte(magic), 0x00, window128K)
	for range n - 1 {
		b = appendBlock(b, rleBlock, 128<<10, "a")
	}
	return appendBlock(b, rleBlock|lastBlock, 128<<10, "a")
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNumberAndName(t *testing.T) {
	t.Parallel()
	set, err := compress.NewSet(New())
	if err != nil {
		t.Fatal(err)
	}
	if c := set.Lookup(7); c == nil || c.Name() != "zstd" || c.ID() != Type {
		t.Errorf("Lookup(7) = %v, want zstd", c)
	}
}

// other is the way to another number that the package comment names.
type other struct{ *Compressor }

func (other) ID() protocol.CompressType { return 5 }

func TestOtherNumber(t *testing.T) {
	t.Parallel()
	set, err := compress.NewSet(other{New()})
	if err != nil {
		t.Fatal(err)
	}
	if c := set.Lookup(5); c == nil || c.Name() != "zstd" {
		t.Errorf("Lookup(5) = %v, want zstd", c)
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	data := []byte(strings.Repeat("abcdefgh 12345678 ", 1000))
	for level := 1; level <= 22; level += 3 {
		c, err := NewLevel(level)
		if err != nil {
			t.Fatalf("NewLevel(%d): %v", level, err)
		}
		packed, err := c.Compress(nil, data)
		if err != nil || len(packed) >= len(data)/10 {
			t.Errorf("level %d: %d bytes became %d, error %v", level, len(data), len(packed), err)
		}
		if got, err := New().Decompress(nil, packed, len(data)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("level %d: %d bytes came back, error %v", level, len(got), err)
		}
	}
	for _, level := range []int{-1, 0, 23, 100} {
		if _, err := NewLevel(level); err == nil {
			t.Errorf("NewLevel(%d): no error", level)
		}
	}
}

// TestWhatOthersWrite reads frames of the reference implementation and of the RFC's
// more unusual shapes.
func TestWhatOthersWrite(t *testing.T) {
	t.Parallel()
	six := strings.TrimSpace(strings.Repeat("hello ", 6))
	skippable := "\x50\x2a\x4d\x18\x03\x00\x00\x00abc"
	tests := []struct {
		name string
		src  []byte
		want string
	}{
		{"one frame", unhex(t, hello), six},
		{"without a checksum", unhex(t, "28b52ffd20236500003068656c6c6f200100b94b11"), six},
		{"two frames", unhex(t, hello+hello), six + six},
		{"several blocks", unhex(t, "28b52ffda4400d03005400001061610100fbff39c002036a08618356bc98"), strings.Repeat("a", 200_000)},
		{"raw block", raw("x", 0x00, window1K), "x"},
		{"the largest window", raw("x", 0x00, window8M), "x"},
		{"runs", rle(3), strings.Repeat("a", 3*128<<10)},
		{"a frame to skip first", append([]byte(skippable), raw("x", 0x00, window1K)...), "x"},
		{"empty", raw("", 0x00, window1K), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := New().Decompress(nil, tt.src, len(tt.want))
			if err != nil || string(got) != tt.want {
				t.Errorf("Decompress: %d bytes, error %v, want %d", len(got), err, len(tt.want))
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	good := unhex(t, hello)
	badSum := bytes.Clone(good)
	badSum[len(badSum)-1] ^= 1
	tests := []struct {
		name string
		src  []byte
		want error // nil: any
	}{
		{"nothing", nil, io.ErrUnexpectedEOF},
		{"one byte", good[:1], io.ErrUnexpectedEOF},
		{"half a header", good[:5], io.ErrUnexpectedEOF},
		{"cut in the content", good[:12], io.ErrUnexpectedEOF},
		{"cut in the checksum", good[:len(good)-1], io.ErrUnexpectedEOF},
		{"cut in the second frame", append(bytes.Clone(good), good[:7]...), io.ErrUnexpectedEOF},
		{"wrong checksum", badSum, nil},
		{"wrong magic", append([]byte("x"), good[1:]...), nil},
		{"a dictionary", raw("x", 0x01, window1K, 0x07), nil},
		{"frames over the limit", bytes.Repeat(good, 10), compress.ErrTooLarge},
		{"runs over the limit", rle(2), compress.ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := New().Decompress([]byte("head"), tt.src, 100)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if strings.Count(err.Error(), "zstd: ") != 1 || !strings.HasPrefix(err.Error(), "zstd: ") {
				t.Errorf("error text %q, want the package's name in front once", err)
			}
			if string(got) != "head" {
				t.Errorf("result %q, want dst", got)
			}
		})
	}
}

// TestClaims decompresses frames of a few bytes whose headers speak of many, and one
// of 1 MiB that holds 32 GiB. It measures memory, so nothing runs beside it.
func TestClaims(t *testing.T) {
	const limit = 16 << 20
	size := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	tests := []struct {
		name string
		src  []byte
		most uint64 // bytes it may cost
	}{
		{"content of 1 TiB", raw("x", append([]byte{size8, window1K}, size(1<<40)...)...), 1 << 20},
		{"content of 16 MiB", raw("x", append([]byte{size8, window1K}, size(limit)...)...), 1 << 20},
		{"one segment of 1 TiB", raw("x", append([]byte{size8 | singleSegment}, size(1<<40)...)...), 1 << 20},
		{"one segment of 8 MiB", raw("x", size4|singleSegment, 0, 0, 0x80, 0), decoderWindow + 1<<20},
		{"window of 9 MiB", raw("x", 0x00, window9M), 1 << 20},
		{"window of 3.75 TiB", raw("x", 0x00, 0xff), 1 << 20},
		{"block of 2 MiB", appendBlock([]byte(magic+"\x00\x68"), rleBlock|lastBlock, 1<<21-1, "a"), decoderWindow + 1<<20},
		{"32 GiB of runs", rle(256 << 10), 3*limit + 1<<20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New()
			if _, err := c.Decompress(nil, unhex(t, hello), 100); err != nil {
				t.Fatal(err) // makes the decoder
			}
			before := allocated()
			got, err := c.Decompress(nil, tt.src, limit)
			cost := allocated() - before
			if err == nil {
				t.Errorf("no error, and %d bytes", len(got))
			}
			if cost > tt.most {
				t.Errorf("%d bytes cost %d, want at most %d", len(tt.src), cost, tt.most)
			}
		})
	}
}

// TestWindowIsNotTheLimit: contents far below the limit may come from a writer that
// looked far back.
func TestWindowIsNotTheLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 1 << 20} {
		if got, err := New().Decompress(nil, raw("x", 0x00, window8M), limit); err != nil || string(got) != "x" {
			t.Errorf("limit %d: %q, %v, want x", limit, got, err)
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
