// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// Frames come out as they went in, however reads cut them.
func TestFrames(t *testing.T) {
	t.Parallel()
	sizes := []int{1, 581, 12, 70_000, 3, 200_000, 581}
	var stream []byte
	for i, size := range sizes {
		stream = append(appendHead(stream, uint64(i), size), bytes.Repeat([]byte{byte(i)}, size)...)
	}
	readers := map[string]io.Reader{
		"whole":        bytes.NewReader(stream),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"halves":       iotest.HalfReader(bytes.NewReader(stream)),
	}
	for name, r := range readers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFrames(r)
			for i := 0; i < len(sizes); {
				if err := f.fill(); err != nil {
					t.Fatalf("frame %d: %v", i, err)
				}
				for {
					n, body, err := f.next()
					if err != nil {
						t.Fatal(err)
					}
					if body == nil {
						break
					}
					if n != uint64(i) || !bytes.Equal(body, bytes.Repeat([]byte{byte(i)}, sizes[i])) {
						t.Fatalf("frame %d: number %d, %d bytes", i, n, len(body))
					}
					i++
				}
			}
			if err := f.fill(); !errors.Is(err, io.EOF) {
				t.Errorf("after the last frame: %v", err)
			}
		})
	}
}

func TestBadFrames(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int{"empty": 0, "too long": maxBody + 1} {
		f := newFrames(bytes.NewReader(appendHead(nil, 1, length)))
		if err := f.fill(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, _, err := f.next(); err == nil {
			t.Errorf("%s: next returns no error", name)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(appendHead(nil, 7, 3), "abc"...))
	f.Add(append(append(appendHead(nil, 7, 3), "abc"...), 0, 0))
	f.Add(appendHead(nil, 1, maxBody))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := newFrames(bytes.NewReader(data))
		total := 0
		for in.fill() == nil {
			_, body, err := in.next()
			if err != nil {
				return
			}
			if len(body) == 0 {
				t.Fatal("fill returned without a frame")
			}
			total += headLen + len(body)
		}
		if total > len(data) {
			t.Fatalf("%d bytes of frames in %d bytes", total, len(data))
		}
	})
}
