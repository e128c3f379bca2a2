// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/rpcx-go/rpcx/compress"
)

func TestAppendAll(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	text := strings.Repeat("0123456789", 500)
	tests := []struct {
		name  string
		r     io.Reader
		limit int
		want  string // behind the prefix
		err   error
	}{
		{"nothing", strings.NewReader(""), 10, "", nil},
		{"nothing, limit 0", strings.NewReader(""), 0, "", nil},
		{"nothing, limit below 0", strings.NewReader(""), -1, "", compress.ErrTooLarge},
		{"at the limit", strings.NewReader(text), len(text), text, nil},
		{"below the limit", strings.NewReader(text), math.MaxInt, text, nil},
		{"over the limit", strings.NewReader(text), len(text) - 1, "", compress.ErrTooLarge},
		{"something, limit 0", strings.NewReader("x"), 0, "", compress.ErrTooLarge},
		{"single bytes", iotest.OneByteReader(strings.NewReader(text)), len(text), text, nil},
		{"end with the data", iotest.DataErrReader(strings.NewReader(text)), len(text), text, nil},
		{"end with the data, over", iotest.DataErrReader(strings.NewReader(text)), len(text) - 1, "", compress.ErrTooLarge},
		{"endless", endless{}, 1 << 20, "", compress.ErrTooLarge},
		{"error at once", iotest.ErrReader(broken), 10, "", broken},
		{"error later", io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), 1 << 20, "", broken},
		{"error at the limit", io.MultiReader(strings.NewReader("0123456789"), iotest.ErrReader(broken)), 10, "", broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := compress.AppendAll([]byte("head"), tt.r, tt.limit)
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if want := "head" + tt.want; string(got) != want {
				t.Errorf("%d bytes, want %d", len(got), len(want))
			}
		})
	}
}

// TestAppendAllUsesTheRoomThereIs reads into a destination that has just enough.
func TestAppendAllUsesTheRoomThereIs(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 1000)
	dst := make([]byte, 0, len(text))
	got, err := compress.AppendAll(dst, strings.NewReader(text), len(text))
	if err != nil {
		t.Fatal(err)
	}
	if &got[0] != &dst[:1][0] {
		t.Error("the bytes went elsewhere")
	}
}

// TestAppendAllMemory reads much more than the limit, and little under a large one.
func TestAppendAllMemory(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	got, err := compress.AppendAll(nil, io.LimitReader(endless{}, limit), limit)
	if err != nil || len(got) != limit || cap(got) > 2*limit {
		t.Errorf("length %d, capacity %d, error %v, want %d and at most twice that", len(got), cap(got), err, limit)
	}
	got, err = compress.AppendAll(nil, strings.NewReader("few"), math.MaxInt)
	if err != nil || string(got) != "few" || cap(got) > 1024 {
		t.Errorf("%q with capacity %d, error %v, want at most 1024", got, cap(got), err)
	}
}

// endless yields zeros for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func FuzzAppendAll(f *testing.F) {
	f.Add([]byte("head"), []byte("content"), 7)
	f.Add([]byte{}, []byte{}, 0)
	f.Add([]byte(nil), bytes.Repeat([]byte("x"), 5000), 4999)
	f.Fuzz(func(t *testing.T, dst, src []byte, limit int) {
		got, err := compress.AppendAll(bytes.Clone(dst), iotest.HalfReader(bytes.NewReader(src)), limit)
		if len(src) > limit {
			if !errors.Is(err, compress.ErrTooLarge) || !bytes.Equal(got, dst) {
				t.Fatalf("%d bytes with limit %d: %d bytes, error %v", len(src), limit, len(got), err)
			}
			return
		}
		if err != nil || !bytes.Equal(got, append(dst, src...)) {
			t.Fatalf("%d bytes with limit %d: %d bytes, error %v", len(src), limit, len(got), err)
		}
	})
}
