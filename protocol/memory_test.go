// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"weak"

	"github.com/rpcx-go/rpcx/protocol"
)

// allocated returns how many bytes f allocates. Its test must not be parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// claim returns the header of a frame of the given total length.
func claim(total uint32) []byte {
	b := append([]byte{protocol.Magic}, make([]byte, 15)...)
	binary.BigEndian.PutUint32(b[12:], total)
	return b
}

// R16: a length that a peer claims costs nothing until the bytes arrive.
//
//nolint:paralleltest // measures allocations
func TestR16_ClaimedLengthAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		total uint32
		lim   protocol.Limits
		want  error
	}{
		{"16 MiB", 16 << 20, protocol.Limits{}, io.ErrUnexpectedEOF},
		{"1 GiB over the limit", 1 << 30, protocol.Limits{}, protocol.ErrTooLarge},
		{"4 GiB over the limit", 1<<32 - 1, protocol.Limits{}, protocol.ErrTooLarge},
		{"1 GiB under the limit", 1 << 30, protocol.Limits{Frame: 1 << 30}, io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := &chunks{data: claim(c.total), n: 16}
			var err error
			got := allocated(func() { _, err = protocol.NewReader(src, c.lim).Next() })
			if !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			if got >= 256<<10 {
				t.Errorf("%d bytes allocated", got)
			}
		})
	}
}

// What is allocated is in proportion to what has arrived, in whatever pieces it
// comes: neither a claim nor small segments cost more.
//
//nolint:paralleltest // measures allocations
func TestAllocationFollowsWhatArrives(t *testing.T) {
	for _, arrived := range []int{100, 5000, 70_000, 1 << 20, 8 << 20} {
		for _, chunk := range []int{1460, 64 << 10, 16 << 20} {
			data := append(claim(16<<20), make([]byte, arrived)...)
			src := &chunks{data: data, n: chunk}
			got := allocated(func() { _, _ = protocol.NewReader(src, protocol.Limits{}).Next() })
			if most := 6*arrived + 256<<10; got > uint64(most) {
				t.Errorf("%d bytes in pieces of %d: %d allocated, want at most %d", arrived, chunk, got, most)
			}
		}
	}
}

// pieces plays a list of reads; a nil one waits: it calls quiet.
type pieces struct {
	list  [][]byte
	quiet func()
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.list) == 0 {
		return 0, io.EOF
	}
	if p.list[0] == nil {
		p.list = p.list[1:]
		p.quiet()
		return 0, nil
	}
	n := copy(b, p.list[0])
	if p.list[0] = p.list[0][n:]; len(p.list[0]) == 0 {
		p.list = p.list[1:]
	}
	return n, nil
}

// sizesAtRest returns the buffer that a reader waits with at each nil of list.
func sizesAtRest(t *testing.T, list ...[]byte) []int {
	t.Helper()
	var sizes []int
	src := &pieces{list: list}
	r := protocol.NewReader(src, protocol.Limits{})
	src.quiet = func() { sizes = append(sizes, r.BufferSize()) }
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return sizes
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// repeat returns list n times.
func repeat(n int, list ...[]byte) [][]byte {
	var all [][]byte
	for range n {
		all = append(all, list...)
	}
	return all
}

func TestBufferAtRest(t *testing.T) {
	t.Parallel()
	const small, large = 4 << 10, 32 << 10
	little, medium, big, batch := request(t, 1, 100), request(t, 1, 10<<10), request(t, 1, 8<<20), batchOf(t, 40, 600)
	for _, c := range []struct {
		name string
		list [][]byte // ends with a wait
		want int
	}{
		{"before the first byte", [][]byte{nil}, small},
		{"after one call", [][]byte{little, nil}, small},
		{"after many small calls", append(repeat(100, little), nil), small},
		{"after one call of 10 KiB", [][]byte{medium, nil}, small},
		{"after one call of 8 MiB", [][]byte{big, nil}, small},
		{"after many calls of 8 MiB", append(repeat(5, big), nil), small},
		{"while busy", append(repeat(10, batch), nil), large},
		{"busy, then a few small calls", append(append(repeat(100, batch), repeat(6, little)...), nil), small},
		{"busy, then one call of 8 MiB", append(repeat(100, batch), big, nil), large},
		{"busy, then many calls of 8 MiB", append(repeat(100, batch), append(repeat(10, big), nil)...), small},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sizes := sizesAtRest(t, c.list...)
			if got := sizes[len(sizes)-1]; got != c.want {
				t.Errorf("waits with %d bytes, want %d", got, c.want)
			}
		})
	}
}

// A large buffer that was taken up again is let go when small frames follow, even
// if one has always begun and the reader never rests.
func TestLargeBufferIsNotKeptForSmallFrames(t *testing.T) {
	t.Parallel()
	huge, big, little := request(t, 1, 2<<20), request(t, 2, 1<<20), request(t, 3, 100)
	half := len(little) / 2
	shifted := append(bytes.Clone(little[half:]), little[:half]...)
	list := append([][]byte{huge, append(bytes.Clone(big), little[:half]...)}, repeat(10, shifted)...)
	r := protocol.NewReader(&pieces{list: list}, protocol.Limits{})
	for range 10 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.BufferSize(); got > 64<<10 {
		t.Errorf("buffer of %d bytes for frames of %d", got, len(little))
	}
}

// During a wait nothing keeps the bytes of the last frame alive.
//
//nolint:paralleltest // runs the collector
func TestQuietReaderKeepsNothing(t *testing.T) {
	var payload weak.Pointer[byte]
	collected := false
	src := &pieces{list: [][]byte{request(t, 1, 8<<20), nil}}
	src.quiet = func() {
		runtime.GC()
		runtime.GC()
		collected = payload.Value() == nil
	}
	r := protocol.NewReader(src, protocol.Limits{})
	f, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	payload = weak.Make(&f.Payload[0])
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if !collected {
		t.Error("the memory of a frame of 8 MiB is still there")
	}
	runtime.KeepAlive(r)
}

// A frame that has begun holds in proportion to what has arrived of it.
func TestBufferOfAFrameThatHasBegun(t *testing.T) {
	t.Parallel()
	little, batch := request(t, 1, 100), batchOf(t, 40, 600)
	for _, c := range []struct {
		name   string
		before [][]byte
		arrive int // of a frame that claims 16 MiB
		most   int
	}{
		{"a claim", nil, 16, 32 << 10},
		{"a claim, on a used connection", repeat(3, little), 16, 32 << 10},
		{"a claim, on a busy connection", repeat(20, batch), 16, 32 << 10},
		{"5 KiB", nil, 5 << 10, 32 << 10},
		{"20 KiB", nil, 20 << 10, 100 << 10},
		{"1 MiB", nil, 1 << 20, 4<<20 + 4<<10},
		{"1 MiB, on a busy connection", repeat(20, batch), 1 << 20, 4<<20 + 4<<10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			frame := append(claim(16<<20), make([]byte, c.arrive-16)...)
			sizes := beginFrame(t, c.before, frame)
			if got := sizes[len(sizes)-1]; got > c.most {
				t.Errorf("holds %d bytes, want %d at most", got, c.most)
			}
		})
	}
}

// beginFrame returns what a reader holds at the waits of a stream that ends within a
// frame.
func beginFrame(t *testing.T, before [][]byte, begun []byte) []int {
	t.Helper()
	var sizes []int
	src := &pieces{list: append(append([][]byte{}, before...), begun, nil)}
	r := protocol.NewReader(src, protocol.Limits{})
	src.quiet = func() { sizes = append(sizes, r.BufferSize()) }
	for {
		if _, err := r.Next(); errors.Is(err, io.ErrUnexpectedEOF) {
			return sizes
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// Frames of a size that the stream has shown get their buffer at once; a claim of more
// does not, and what is remembered fades.
func TestBufferOfUsualFrames(t *testing.T) {
	t.Parallel()
	const small = 4 << 10
	big, giant, large := request(t, 1, 1<<20), request(t, 1, 12<<20), request(t, 1, 100<<10)
	for _, c := range []struct {
		name        string
		before      [][]byte
		claim       uint32
		least, most int
	}{
		{"as before", [][]byte{big}, 1 << 20, 1 << 20, 2<<20 + small},
		{"less than before", [][]byte{big}, 100 << 10, 100 << 10, 128<<10 + small},
		{"much more than before", [][]byte{big}, 16 << 20, 1 << 20, 2<<20 + small},
		{"after a giant", [][]byte{giant}, 16 << 20, 4 << 20, 4<<20 + small},
		{"long after a large one", append([][]byte{big}, repeat(40, large)...), 16 << 20, 100 << 10, 256<<10 + small},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sizes := beginFrame(t, c.before, claim(c.claim))
			if got := sizes[len(sizes)-1]; got < c.least || got > c.most {
				t.Errorf("holds %d bytes, want %d to %d", got, c.least, c.most)
			}
		})
	}
}
