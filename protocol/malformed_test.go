// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// readAll returns what a Reader makes of data: the frames it gave and the error
// that ended it.
func readAll(data []byte, lim protocol.Limits) ([]*protocol.Message, error) {
	r := protocol.NewReader(bytes.NewReader(data), lim)
	var frames []*protocol.Message
	for {
		f, err := r.Next()
		if err != nil {
			return frames, err
		}
		frames = append(frames, f.Message())
	}
}

// The byte strings that real rpcx was tried with, and what this package makes of
// them. rpcx lets several pass that are errors here; compression is not judged at
// this level.
func TestMalformedVectors(t *testing.T) {
	t.Parallel()
	type verdict struct {
		frames int   // whole frames read before the end
		err    error // what ends the stream
	}
	bad := verdict{0, protocol.ErrMalformed}
	want := map[string]verdict{
		"bad-magic":              bad,
		"bad-magic-second-frame": {1, protocol.ErrMalformed},
		"total-zero":             bad,
		"total-3":                bad,
		"path-length-too-long":   bad,
		"path-length-huge":       bad,
		"method-missing":         bad,
		"meta-missing":           bad,
		"payload-length-missing": bad,
		"payload-length-smaller": bad,
		"payload-length-larger":  bad,
		"meta-odd":               bad,
		"meta-key-too-long":      bad,
		"meta-value-too-long":    bad,
		"meta-2-bytes":           bad,
		"meta-duplicate-key":     {1, io.EOF},
		"gzip-garbage":           {1, io.EOF},
		"gzip-truncated":         {1, io.EOF},
		"compress-2":             {1, io.EOF},
		"compress-7":             {1, io.EOF},
		"http-garbage":           bad,
		"two-frames-one-write":   {2, io.EOF},
		"too-long":               {0, protocol.ErrTooLarge},
		"exactly-max":            {1, io.EOF},
	}
	for _, v := range vectors(t).Malformed {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			w, ok := want[v.ID]
			if !ok {
				t.Fatal("no verdict for this vector")
			}
			frames, err := readAll(unhex(t, v.Hex), protocol.Limits{Frame: v.Behavior.MaxLength})
			if len(frames) != w.frames || !errors.Is(err, w.err) {
				t.Errorf("%d frames and %v, want %d and %v", len(frames), err, w.frames, w.err)
			}
			if tooLarge := errors.Is(err, protocol.ErrTooLarge); tooLarge != (w.err == protocol.ErrTooLarge) { //nolint:errorlint // the table's own value
				t.Errorf("%v matches ErrTooLarge: %t", err, tooLarge)
			}
		})
	}
}

func TestDuplicateKeyLastWins(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t).Malformed {
		if v.ID != "meta-duplicate-key" {
			continue
		}
		frames, _ := readAll(unhex(t, v.Hex), protocol.Limits{})
		if got := frames[0].Metadata.Get("k"); got != "2" {
			t.Errorf("k is %q, want 2", got)
		}
		return
	}
	t.Fatal("vector is missing")
}

// R17: a frame whose parts do not fit is an error, not an empty request.
func TestR17_MalformedFrameIsAnError(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"total-zero", "total-3", "path-length-too-long", "path-length-huge", "method-missing", "meta-missing", "payload-length-missing"} {
		for _, v := range vectors(t).Malformed {
			if v.ID != id {
				continue
			}
			frames, err := readAll(unhex(t, v.Hex), protocol.Limits{})
			if len(frames) != 0 || !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("%s: %d frames and %v, want none and ErrMalformed", id, len(frames), err)
			}
		}
	}
}

// fieldOffsets returns where the four length fields of a frame are.
func fieldOffsets(b []byte) [4]int {
	var at [4]int
	pos := protocol.HeaderSize
	for i := range at {
		at[i] = pos
		pos += 4 + int(binary.BigEndian.Uint32(b[pos:]))
	}
	return at
}

// Each length field in turn is set to every value that could confuse a decoder.
func TestHostileLengths(t *testing.T) {
	t.Parallel()
	good := mustEncode(t, &protocol.Message{
		Service: "Arith", Method: "Mul", Metadata: protocol.Pairs("k", "v"), Payload: []byte(`{"A":2}`),
	})
	values := []uint32{
		1<<32 - 1, 1<<32 - 4, 1<<32 - 5, 1 << 31, 1<<31 - 1, 1<<31 - 4,
		uint32(len(good)), uint32(len(good)) - protocol.HeaderSize, uint32(len(good)) - protocol.HeaderSize - 4,
	}
	for field, at := range fieldOffsets(good) {
		real := binary.BigEndian.Uint32(good[at:])
		for _, v := range append(values, real-1, real+1, 0) {
			if v == real {
				continue
			}
			b := bytes.Clone(good)
			binary.BigEndian.PutUint32(b[at:], v)
			var f protocol.Frame
			if err := f.Parse(b, defaults()); !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("field %d set to %d: %v, want ErrMalformed", field, v, err)
			}
			if frames, err := readAll(b, protocol.Limits{}); len(frames) != 0 || !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("field %d set to %d: reader gave %d frames and %v", field, v, len(frames), err)
			}
		}
	}
}

// A total length that no frame can have, or over the limit, is refused when the
// header is there: the body is never waited for.
func TestTotalLength(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		total uint32
		want  error
	}{
		{0, protocol.ErrMalformed},
		{1, protocol.ErrMalformed},
		{15, protocol.ErrMalformed},
		{16, io.ErrUnexpectedEOF},
		{16 << 20, io.ErrUnexpectedEOF},
		{16<<20 + 1, protocol.ErrTooLarge},
		{1 << 30, protocol.ErrTooLarge},
		{1<<31 - 1, protocol.ErrTooLarge},
		{1 << 31, protocol.ErrTooLarge},
		{1<<32 - 16, protocol.ErrTooLarge},
		{1<<32 - 1, protocol.ErrTooLarge},
	} {
		header := append([]byte{protocol.Magic}, make([]byte, 15)...)
		binary.BigEndian.PutUint32(header[12:], c.total)
		if _, err := readAll(header, protocol.Limits{}); !errors.Is(err, c.want) {
			t.Errorf("total of %d: %v, want %v", c.total, err, c.want)
		}
	}
}

// Every first byte but one is refused on sight.
func TestMagic(t *testing.T) {
	t.Parallel()
	for b := range 256 {
		src := &stuck{data: []byte{byte(b)}}
		_, err := protocol.NewReader(src, protocol.Limits{}).Next()
		want := protocol.ErrMalformed
		if byte(b) == protocol.Magic {
			want = errStuck
		}
		if !errors.Is(err, want) {
			t.Errorf("first byte %#02x: %v, want %v", b, err, want)
		}
	}
}

var errStuck = errors.New("the reader waited for more")

// stuck gives its data and then fails in a way that no other code does.
type stuck struct{ data []byte }

func (s *stuck) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, errStuck
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	return n, nil
}

// The stream ends after each byte of each vector: never a frame, never a panic.
func TestTruncation(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t).Frames {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			b := v.bytesOf(t)
			var f protocol.Frame
			for i := 1; i < len(b); i += stride(i, len(b)) {
				if frames, err := readAll(b[:i], protocol.Limits{}); len(frames) != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("cut at %d: %d frames and %v, want none and unexpected EOF", i, len(frames), err)
				}
				if err := f.Parse(b[:i], defaults()); !errors.Is(err, protocol.ErrMalformed) {
					t.Fatalf("Parse of the first %d bytes: %v, want ErrMalformed", i, err)
				}
			}
			if _, err := readAll(nil, protocol.Limits{}); err != io.EOF { //nolint:errorlint // exactly this one
				t.Errorf("empty stream: %v, want EOF itself", err)
			}
		})
	}
}

// stride looks at every byte of a frame up to 8 KiB, and at some of a larger one.
func stride(i, length int) int {
	if length <= 8<<10 || i < 256 {
		return 1
	}
	return length/64 + 1
}

// A frame that is cut and completed by bytes of the next one is never two frames.
func TestParseWantsExactlyOneFrame(t *testing.T) {
	t.Parallel()
	one := request(t, 1, 10)
	var f protocol.Frame
	for name, b := range map[string][]byte{
		"nothing":    nil,
		"one byte":   one[:1],
		"header":     one[:protocol.HeaderSize],
		"one more":   append(bytes.Clone(one), 0),
		"two frames": append(bytes.Clone(one), one...),
	} {
		if err := f.Parse(b, defaults()); !errors.Is(err, protocol.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// Junk behind the payload, inside the total length, is never payload.
func TestLeftOverBytes(t *testing.T) {
	t.Parallel()
	for _, junk := range []int{1, 2, 4, 100} {
		b := append(request(t, 1, 10), make([]byte, junk)...)
		binary.BigEndian.PutUint32(b[12:], uint32(len(b)-protocol.HeaderSize))
		var f protocol.Frame
		err := f.Parse(b, defaults())
		if !errors.Is(err, protocol.ErrMalformed) || !strings.Contains(err.Error(), fmt.Sprint(junk)) {
			t.Errorf("%d bytes of junk: %v, want an error that says so", junk, err)
		}
	}
}

func TestFrameError(t *testing.T) {
	t.Parallel()
	var f protocol.Frame
	err := f.Parse([]byte("GET / HTTP/1.1"), defaults())
	var fe *protocol.FrameError
	if !errors.As(err, &fe) {
		t.Fatalf("%T is no FrameError", err)
	}
	if want := "protocol: malformed frame: first byte is 0x47, want 0x08"; fe.Error() != want {
		t.Errorf("text is %q, want %q", fe.Error(), want)
	}
	if errors.Is(err, protocol.ErrTooLarge) || errors.Is(err, io.EOF) {
		t.Error("it matches errors that it is not")
	}
}
