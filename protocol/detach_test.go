// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
)

// filled returns a request whose payload is n times the byte seq.
func filled(tb testing.TB, seq byte, n int) []byte {
	tb.Helper()
	return mustEncode(tb, &protocol.Message{
		Header: protocol.Header{Seq: uint64(seq)}, Service: "S", Method: "M", Payload: bytes.Repeat([]byte{seq}, n),
	})
}

// Frames that were given away stay as they are while others are read, and until they
// are given back, by anybody.
func TestDetachedFramesStay(t *testing.T) {
	t.Parallel()
	for _, chunk := range []int{1460, 40_000, 10 << 20} {
		const n = 20
		var data []byte
		for i := range n {
			data = append(data, filled(t, byte(i), 33<<10+i*10_000)...)
			data = append(data, filled(t, byte(i), 100)...)
		}
		r := protocol.NewReader(&chunks{data: data, n: chunk}, protocol.Limits{})
		var users sync.WaitGroup
		for i := range n {
			large := next(t, r, uint64(i), 33<<10+i*10_000)
			payload, release := large.Payload, r.Detach()
			if release == nil {
				t.Fatalf("frame of %d bytes cannot be detached", len(payload))
			}
			if r.Detach() != nil {
				t.Error("a frame can be detached twice")
			}
			users.Go(func() {
				defer release()
				if want := bytes.Repeat([]byte{byte(i)}, len(payload)); !bytes.Equal(payload, want) {
					t.Errorf("frame %d was changed", i)
				}
			})
			if next(t, r, uint64(i), 100); r.Detach() != nil {
				t.Error("a small frame was detached")
			}
		}
		users.Wait()
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v, want EOF", err)
		}
	}
}

// There is nothing to give away before the first frame, after the last one, and in a
// reader that was split off.
func TestNothingToDetach(t *testing.T) {
	t.Parallel()
	r := protocol.NewReader(bytes.NewReader(filled(t, 7, 100<<10)), protocol.Limits{})
	if r.Detach() != nil {
		t.Error("before the first frame")
	}
	f := next(t, r, 7, 100<<10)
	n := r.Split()
	if n.Detach() != nil {
		t.Error("after Split")
	}
	if _, err := n.Next(); !errors.Is(err, io.EOF) || n.Detach() != nil {
		t.Errorf("at the end: %v, and there is something to detach", err)
	}
	payload, release := f.Payload, r.Detach()
	if !bytes.Equal(payload, bytes.Repeat([]byte{7}, 100<<10)) {
		t.Error("the frame has changed")
	}
	release()
}

// A large frame survives an interruption in its middle, and a reader that is split there
// shares no memory with the one it comes from.
func TestLargeFrameInterrupted(t *testing.T) {
	t.Parallel()
	frame := filled(t, 9, 300<<10)
	for _, part := range []int{8, 16, 5000, 40_000, 200_000, len(frame) - 1} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer ours.Close()
			defer theirs.Close()
			r := protocol.NewReader(ours, protocol.Limits{Stall: stall})
			go write(theirs, frame[:part])
			time.AfterFunc(stall/2, r.Interrupt)
			wantInterrupted(t, r)
			if r.Detach() != nil {
				t.Error("a part of a frame can be detached")
			}
			n := r.Split()
			go write(theirs, frame[part:])
			if f := next(t, n, 9, 300<<10); !bytes.Equal(f.Payload, bytes.Repeat([]byte{9}, 300<<10)) {
				t.Errorf("cut at %d the frame came as another", part)
			}
		})
	}
}
