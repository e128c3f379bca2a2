// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
)

const stall = 10 * time.Second

// outcome is what became of one call of Next.
type outcome struct {
	err   error
	after time.Duration
}

// against runs a Reader on one end of a pipe and peer on the other, in fake time,
// and returns what the reader's n-th call of Next did.
func against(t *testing.T, n int, peer func(net.Conn)) (got outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		var peers sync.WaitGroup
		peers.Go(func() {
			defer theirs.Close()
			peer(theirs)
		})
		r := protocol.NewReader(ours, protocol.Limits{Stall: stall})
		for range n {
			start := time.Now()
			_, got.err = r.Next()
			got.after = time.Since(start)
		}
		ours.Close()
		peers.Wait()
	})
	return got
}

// slowly writes b in pieces of the given length, one each pause, until the other
// side is gone.
func slowly(c net.Conn, b []byte, piece int, pause time.Duration) {
	for len(b) > 0 {
		n, err := c.Write(b[:min(piece, len(b))])
		if err != nil {
			return
		}
		b = b[n:]
		time.Sleep(pause)
	}
}

// hold keeps a connection open and says nothing.
func hold() { time.Sleep(time.Hour) }

func TestStalledPeersAreCut(t *testing.T) {
	t.Parallel()
	small, large := request(t, 1, 100), request(t, 1, 1<<20)
	for _, c := range []struct {
		name  string
		peer  func(net.Conn)
		after time.Duration
	}{
		{"one byte", func(c net.Conn) { slowly(c, small[:1], 1, 0); hold() }, stall},
		{"half a header", func(c net.Conn) { slowly(c, small[:8], 8, 0); hold() }, stall},
		{"12 bytes of 16", func(c net.Conn) { slowly(c, small[:12], 12, 0); hold() }, stall},
		{"a header", func(c net.Conn) { slowly(c, small[:16], 16, 0); hold() }, stall},
		{"half a body", func(c net.Conn) { slowly(c, small[:60], 60, 0); hold() }, stall},
		{"all but one byte", func(c net.Conn) { slowly(c, small[:len(small)-1], 4096, 0); hold() }, stall},
		{"begins late", func(c net.Conn) { time.Sleep(time.Minute); slowly(c, small[:8], 8, 0); hold() }, time.Minute + stall},
		{"a byte each second", func(c net.Conn) { slowly(c, small, 1, time.Second) }, stall},
		{"a byte each 500 ms, large frame", func(c net.Conn) { slowly(c, large, 1, 500*time.Millisecond) }, stall},
		{"32 KiB each 9 s", func(c net.Conn) { slowly(c, large, 32<<10, 9*time.Second) }, stall},
		{"64 KiB, then a drip", func(c net.Conn) {
			slowly(c, large[:64<<10+1], 64<<10+1, 0)
			slowly(c, large[64<<10+1:], 1, time.Second)
		}, stall},
		{"stops before the end", func(c net.Conn) { slowly(c, large[:len(large)-1], 1<<20, 0); hold() }, stall},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := against(t, 1, c.peer)
			if !errors.Is(got.err, os.ErrDeadlineExceeded) || got.after != c.after {
				t.Errorf("%v after %v, want a timeout after %v", got.err, got.after, c.after)
			}
		})
	}
}

func TestSlowPeersAreServed(t *testing.T) {
	t.Parallel()
	small, large := request(t, 1, 100), request(t, 1, 1<<20)
	for _, c := range []struct {
		name string
		peer func(net.Conn)
	}{
		{"idle for a day", func(c net.Conn) { time.Sleep(24 * time.Hour); slowly(c, small, 4096, 0) }},
		{"two parts within the time", func(c net.Conn) { slowly(c, small, len(small)/2+1, 9*time.Second) }},
		{"64 KiB each 9 s", func(c net.Conn) { slowly(c, large, 64<<10, 9*time.Second) }},
		{"1 KiB each 100 ms", func(c net.Conn) { slowly(c, large, 1<<10, 100*time.Millisecond) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := against(t, 1, c.peer); got.err != nil {
				t.Errorf("%v after %v, want a frame", got.err, got.after)
			}
		})
	}
}

// A deadline that a frame needed is gone when the frame is complete, so that the
// connection may be idle afterwards.
func TestIdleAfterASlowFrame(t *testing.T) {
	t.Parallel()
	small := request(t, 1, 100)
	got := against(t, 2, func(c net.Conn) {
		slowly(c, small, len(small)/2+1, 9*time.Second)
		time.Sleep(24 * time.Hour)
		slowly(c, small, 4096, 0)
	})
	if got.err != nil || got.after < 24*time.Hour {
		t.Errorf("the second frame: %v after %v, want it after a day", got.err, got.after)
	}
}

// Split in the middle of the stream takes the clock along.
func TestStallAfterSplit(t *testing.T) {
	t.Parallel()
	small := request(t, 1, 100)
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		defer theirs.Close()
		go func() { _, _ = theirs.Write(append(small[:len(small):len(small)], small[:20]...)) }()
		r := protocol.NewReader(ours, protocol.Limits{Stall: stall})
		next(t, r, 1, 100)
		start := time.Now()
		if _, err := r.Split().Next(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != stall {
			t.Errorf("%v after %v, want a timeout after %v", err, time.Since(start), stall)
		}
	})
}

// watched counts how often its deadline is moved.
type watched struct {
	io.Reader
	set, cleared int
	err          error
}

func (w *watched) SetReadDeadline(at time.Time) error {
	if at.IsZero() {
		w.cleared++
	} else {
		w.set++
	}
	return w.err
}

// Frames that come whole do not touch the deadline: no cost, and one that the
// stream's owner has set stays.
func TestWholeFramesLeaveTheDeadlineAlone(t *testing.T) {
	t.Parallel()
	src := &watched{Reader: &wakes{batch: batchOf(t, 3, 100)}}
	r := protocol.NewReader(src, protocol.Limits{})
	for range 30 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if src.set+src.cleared != 0 {
		t.Errorf("deadline set %d and cleared %d times", src.set, src.cleared)
	}
}

// Each deadline that is set is cleared again, once.
func TestDeadlineIsClearedOnce(t *testing.T) {
	t.Parallel()
	src := &watched{Reader: &chunks{data: batchOf(t, 10, 100), n: 100}}
	r := protocol.NewReader(src, protocol.Limits{})
	for i := range 10 {
		next(t, r, uint64(i), 100)
	}
	if src.set == 0 || src.set != src.cleared {
		t.Errorf("deadline set %d and cleared %d times", src.set, src.cleared)
	}
}

// A deadline that cannot be set is an error: without it a stalled peer would be held
// for ever.
func TestDeadlineFails(t *testing.T) {
	t.Parallel()
	src := &watched{Reader: &chunks{data: request(t, 1, 100), n: 30}, err: net.ErrClosed}
	if _, err := protocol.NewReader(src, protocol.Limits{}).Next(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error is %v, want that of SetReadDeadline", err)
	}
}
