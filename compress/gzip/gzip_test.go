// SPDX-License-Identifier: Apache-2.0

package gzip

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/compress/compresstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	compresstest.Run(t, New())
}

func FuzzDecompress(f *testing.F) {
	compresstest.Fuzz(f, New(),
		member(f, gzip.Header{Name: "name", Comment: "comment", Extra: []byte("extra")}, "content"))
}

// member returns a gzip member with the given header, as other programs write it.
func member(t testing.TB, h gzip.Header, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Header = h
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLevels(t *testing.T) {
	t.Parallel()
	data := []byte(strings.Repeat("abcdefgh 12345678 ", 1000))
	for level := 1; level <= 9; level++ {
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
	for _, level := range []int{-3, -2, -1, 0, 10, 100} {
		if _, err := NewLevel(level); err == nil {
			t.Errorf("NewLevel(%d): no error", level)
		}
	}
}

// TestWhatOthersWrite reads members with everything that RFC 1952 allows for.
func TestWhatOthersWrite(t *testing.T) {
	t.Parallel()
	full := gzip.Header{Name: "a.txt", Comment: "hello", Extra: bytes.Repeat([]byte("e"), 60_000), ModTime: time.Unix(1e9, 0), OS: 3}
	tests := []struct {
		name string
		src  []byte
		want string
	}{
		{"every header field", member(t, full, "content"), "content"},
		{"two members", append(member(t, full, "one"), member(t, gzip.Header{}, "two")...), "onetwo"},
		{"empty members", bytes.Repeat(member(t, gzip.Header{}, ""), 1000), ""},
		{"an empty member first", append(member(t, gzip.Header{}, ""), member(t, full, "two")...), "two"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := New().Decompress(nil, tt.src, len(tt.want))
			if err != nil || string(got) != tt.want {
				t.Errorf("Decompress = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	good := member(t, gzip.Header{}, "the content of it all")
	two := append(bytes.Clone(good), good...)
	change := func(at int, by byte) []byte {
		b := bytes.Clone(good)
		b[at] ^= by
		return b
	}
	claim := bytes.Clone(good) // the length field says 4 GiB less one
	binary.LittleEndian.PutUint32(claim[len(claim)-4:], 0xffff_ffff)
	tests := []struct {
		name string
		src  []byte
		want error
	}{
		{"nothing", nil, io.ErrUnexpectedEOF},
		{"one byte", good[:1], io.ErrUnexpectedEOF},
		{"half a header", good[:5], io.ErrUnexpectedEOF},
		{"header only", good[:10], io.ErrUnexpectedEOF},
		{"cut in the content", good[:20], io.ErrUnexpectedEOF},
		{"cut before the checksum", good[:len(good)-8], io.ErrUnexpectedEOF},
		{"cut in the checksum", good[:len(good)-1], io.ErrUnexpectedEOF},
		{"cut in the second member", two[:len(two)-3], io.ErrUnexpectedEOF},
		{"wrong magic", change(0, 1), gzip.ErrHeader},
		{"wrong method", change(2, 1), gzip.ErrHeader},
		{"wrong checksum", change(len(good)-8, 1), gzip.ErrChecksum},
		{"wrong length", change(len(good)-4, 1), gzip.ErrChecksum},
		{"length claimed", claim, gzip.ErrChecksum},
		{"members over the limit", bytes.Repeat(good, 10), compress.ErrTooLarge},
		{"a member behind the limit", append(member(t, gzip.Header{}, strings.Repeat("x", 100)), good...), compress.ErrTooLarge},
		{"zeros behind a member", append(bytes.Clone(good), make([]byte, 20)...), gzip.ErrHeader},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := New().Decompress([]byte("head"), tt.src, 100)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), "gzip: ") || strings.Count(err.Error(), "gzip: ") != 1 {
				t.Errorf("error text %q, want the package's name in front once", err)
			}
			if string(got) != "head" {
				t.Errorf("result %q, want dst", got)
			}
		})
	}
}

// TestErrorLeavesNoTrace uses one compressor after each kind of failure.
func TestErrorLeavesNoTrace(t *testing.T) {
	t.Parallel()
	c := New()
	good := member(t, gzip.Header{}, "content")
	for n := range good {
		if _, err := c.Decompress(nil, good[:n], 100); err == nil {
			t.Errorf("%d bytes: no error", n)
		}
		if got, err := c.Decompress(nil, good, 100); err != nil || string(got) != "content" {
			t.Errorf("after a cut at %d: %q, %v", n, got, err)
		}
	}
}
