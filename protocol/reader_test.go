// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/rpcx-go/rpcx/protocol"
)

// next reads one frame and checks its sequence id and the length of its payload.
func next(t *testing.T, r *protocol.Reader, seq uint64, payload int) *protocol.Frame {
	t.Helper()
	f, err := r.Next()
	if err != nil {
		t.Fatalf("frame %d: %v", seq, err)
	}
	if f.Seq != seq || len(f.Payload) != payload {
		t.Fatalf("frame %d with payload of %d, want %d with %d", f.Seq, len(f.Payload), seq, payload)
	}
	return f
}

func TestReaderErrorsAreFinal(t *testing.T) {
	t.Parallel()
	good := request(t, 1, 4)
	reset := errors.New("connection reset by peer")
	for _, c := range []struct {
		name string
		src  io.Reader
		want error
	}{
		{"end between frames", bytes.NewReader(good), io.EOF},
		{"end in a header", bytes.NewReader(append(bytes.Clone(good), good[:5]...)), io.ErrUnexpectedEOF},
		{"end in a body", bytes.NewReader(append(bytes.Clone(good), good[:20]...)), io.ErrUnexpectedEOF},
		{"malformed", bytes.NewReader(append(append(bytes.Clone(good), 9), good...)), protocol.ErrMalformed},
		{"stream error between frames", io.MultiReader(bytes.NewReader(good), iotest.ErrReader(reset)), reset},
		{"stream error in a frame", io.MultiReader(bytes.NewReader(good), bytes.NewReader(good[:20]), iotest.ErrReader(reset)), reset},
		{"data and EOF together", iotest.DataErrReader(bytes.NewReader(good)), io.EOF},
		{"no progress", io.MultiReader(bytes.NewReader(good), stalled{}), io.ErrNoProgress},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := protocol.NewReader(c.src, protocol.Limits{})
			next(t, r, 1, 4)
			f, first := r.Next()
			if f != nil || !errors.Is(first, c.want) {
				t.Fatalf("frame %v and %v, want none and %v", f, first, c.want)
			}
			if !r.Buffered() {
				t.Error("Buffered is false though Next can answer")
			}
			for range 3 {
				if f, again := r.Next(); f != nil || again != first { //nolint:errorlint // the very same error
					t.Errorf("then %v and %v, want the same error", f, again)
				}
			}
			if _, err := r.Split().Next(); err != first { //nolint:errorlint // the very same error
				t.Errorf("after Split: %v, want the same error", err)
			}
		})
	}
}

// stalled never gives anything and never fails.
type stalled struct{}

func (stalled) Read([]byte) (int, error) { return 0, nil }

// An io.Reader may return nothing now and then.
func TestReaderAllowsEmptyReads(t *testing.T) {
	t.Parallel()
	r := protocol.NewReader(&hiccups{r: iotest.OneByteReader(bytes.NewReader(batchOf(t, 3, 10)))}, protocol.Limits{})
	for i := range 3 {
		next(t, r, uint64(i), 10)
	}
	if _, err := r.Next(); err != io.EOF { //nolint:errorlint // exactly this one
		t.Errorf("at the end: %v, want EOF itself", err)
	}
}

// hiccups returns nothing and no error before each read.
type hiccups struct {
	r io.Reader
	n int
}

func (h *hiccups) Read(p []byte) (int, error) {
	if h.n++; h.n%4 != 0 {
		return 0, nil
	}
	return h.r.Read(p)
}

// A frame is all the stream has to hold: nothing is read ahead of need, so a frame
// is returned as soon as its last byte is there.
func TestReaderDoesNotWaitForMore(t *testing.T) {
	t.Parallel()
	for _, payload := range []int{0, 10, 4096 - 41, 4096 - 40, 4096, 64 << 10, 65536 - 41, 1 << 20} {
		r := protocol.NewReader(&stuck{data: batchOf(t, 2, payload)}, protocol.Limits{})
		next(t, r, 0, payload)
		next(t, r, 1, payload)
		if _, err := r.Next(); !errors.Is(err, errStuck) {
			t.Errorf("payload %d: %v, want the stream's error", payload, err)
		}
	}
}

func TestReaderBuffered(t *testing.T) {
	t.Parallel()
	one := request(t, 0, 10)
	for _, c := range []struct {
		name string
		tail []byte // what has arrived behind one whole frame
		want bool
	}{
		{"nothing", nil, false},
		{"one byte", one[:1], false},
		{"a header", one[:16], false},
		{"all but one byte", one[:len(one)-1], false},
		{"a frame", one, true},
		{"a frame and a bit", append(bytes.Clone(one), one[:7]...), true},
		{"a wrong first byte", []byte{'G'}, true},
		{"an impossible length", append(bytes.Clone(one[:12]), 0, 0, 0, 1), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := protocol.NewReader(bytes.NewReader(append(bytes.Clone(one), c.tail...)), protocol.Limits{})
			if r.Buffered() {
				t.Error("true before anything was read")
			}
			next(t, r, 0, 10)
			if got := r.Buffered(); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
		})
	}
}

// The frame that a reader returned last outlives a Split, and the new reader goes
// on with exactly the next byte.
func TestReaderSplit(t *testing.T) {
	t.Parallel()
	for _, payload := range []int{0, 100, 5000, 100 << 10} {
		for _, chunk := range []int{1, 50, 4096, 1 << 20} {
			t.Run(fmt.Sprintf("%d-by-%d", payload, chunk), func(t *testing.T) {
				t.Parallel()
				const n = 20
				src := &chunks{data: batchOf(t, n, payload), n: chunk}
				r := protocol.NewReader(src, protocol.Limits{})
				var kept []*protocol.Frame
				for i := range n {
					kept = append(kept, next(t, r, uint64(i), payload))
					r = r.Split()
				}
				if _, err := r.Next(); !errors.Is(err, io.EOF) {
					t.Errorf("at the end: %v, want EOF", err)
				}
				for i, f := range kept {
					got, err := f.Message().AppendBinary(nil)
					if err != nil || !bytes.Equal(got, request(t, uint64(i), payload)) {
						t.Fatalf("frame %d changed after Split: %s", i, clip(got))
					}
				}
			})
		}
	}
}

func TestReaderSplitBeforeTheFirstFrame(t *testing.T) {
	t.Parallel()
	r := protocol.NewReader(bytes.NewReader(request(t, 5, 1)), protocol.Limits{}).Split()
	next(t, r, 5, 1)
}

// A file has SetReadDeadline and no deadlines; it is read all the same.
func TestReaderOfAFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "frames")
	if err := os.WriteFile(name, batchOf(t, 3, 10<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := protocol.NewReader(file, protocol.Limits{})
	for i := range 3 {
		next(t, r, uint64(i), 10<<10)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want EOF", err)
	}
}

// The next call of Next may overwrite a frame; its slices never reach into what
// follows them, even by append.
func TestFrameSlicesAreClipped(t *testing.T) {
	t.Parallel()
	r := protocol.NewReader(bytes.NewReader(batchOf(t, 2, 10)), protocol.Limits{})
	f := next(t, r, 0, 10)
	for _, b := range [][]byte{f.Service, f.Method, f.Metadata, f.Payload} {
		_ = append(b, "overwrites what is behind it"...)
	}
	next(t, r, 1, 10)
}

// Peek shows what has arrived and takes nothing away; Release hands it over.
func TestPeekAndRelease(t *testing.T) {
	t.Parallel()
	stream, err := (&protocol.Message{Service: "S", Method: "M", Payload: []byte("x")}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := protocol.NewReader(bytes.NewReader(append(stream, "GET /"...)), protocol.Limits{})
	for range 2 {
		if first, err := r.Peek(); err != nil || !bytes.HasPrefix(first, stream) {
			t.Fatalf("Peek: %x, %v", first, err)
		}
	}
	if f, err := r.Next(); err != nil || string(f.Payload) != "x" {
		t.Fatalf("Next: %+v, %v", f, err)
	}
	if first, err := r.Peek(); err != nil || string(first) != "GET /" {
		t.Errorf("Peek: %q, %v", first, err)
	}
	if rest := r.Release(); string(rest) != "GET /" {
		t.Errorf("Release: %q", rest)
	}
	empty := protocol.NewReader(bytes.NewReader(nil), protocol.Limits{})
	for range 2 {
		if first, err := empty.Peek(); len(first) > 0 || !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %q, %v", first, err)
		}
	}
	if _, err := empty.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("Next after it: %v", err)
	}
}
