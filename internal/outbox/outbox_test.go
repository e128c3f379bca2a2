// SPDX-License-Identifier: Apache-2.0

package outbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/outbox"
	"github.com/rpcx-go/rpcx/transport/mem"
)

func TestFramesGoOutInOrder(t *testing.T) {
	t.Parallel()
	for _, gather := range []bool{false, true} {
		t.Run(fmt.Sprintf("gather=%t", gather), func(t *testing.T) {
			t.Parallel()
			conn := newFakeConn()
			o := outbox.New(conn, patience, roomy)
			var want strings.Builder
			for i := range 1000 {
				size := i
				if i%100 == 0 {
					size = 40 << 10 // goes out as it is, between those that are gathered
				}
				f := frame(1, i, size)
				pos, err := o.Add(context.Background(), buffer(f), gather)
				if err != nil || pos != int64(want.Len()) {
					t.Fatalf("frame %d is at %d (%v), want %d", i, pos, err, want.Len())
				}
				want.WriteString(f)
				if got := o.Written(); got != int64(want.Len()) {
					t.Fatalf("after frame %d %d bytes are written, want %d: with one caller nothing waits", i, got, want.Len())
				}
			}
			if conn.written() != want.String() {
				t.Error("the bytes on the wire are not the frames in their order")
			}
			if o.Err() != nil || conn.isClosed() {
				t.Errorf("a working outbox has ended: %v", o.Err())
			}
			o.Close(nil)
		})
	}
}

// While one write is under way everybody else only queues; the next write carries
// all that they queued.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := newGatedConn()
		o := outbox.New(conn, patience, roomy)
		go add(t, o, "first.")
		synctest.Wait() // it is at the gate
		const callers = 500
		for i := range callers {
			add(t, o, fmt.Sprintf("%d.", i)) // returns though nothing can be written
		}
		conn.through()
		conn.through()
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := conn.writeCount(); n != 2 {
			t.Errorf("%d frames took %d writes, want 2", callers+1, n)
		}
		if got := conn.written(); !strings.HasPrefix(got, "first.0.1.2.") || strings.Count(got, ".") != callers+1 {
			t.Errorf("wrote %.40q..., %d frames", got, strings.Count(got, "."))
		}
	})
}

// A caller that expects company yields first, so that the others get their frames in.
func TestGatherWaitsForTheOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // who is ready runs when the leader yields
	const callers = 8
	least := callers + 1
	for range 200 {
		conn := newFakeConn()
		o := outbox.New(conn, patience, roomy)
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				if _, err := o.Add(context.Background(), buffer(frame(i, 0, 10)), true); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if least = min(least, conn.writeCount()); least == 1 {
			return
		}
	}
	t.Errorf("%d callers never shared one write: at best there were %d", callers, least)
}

// Small frames share a segment of 32 KiB, not each a write of its own; a full segment
// is followed by another.
func TestSegments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := newGatedConn()
		o := outbox.New(conn, patience, roomy)
		go add(t, o, "first.")
		synctest.Wait()
		var want strings.Builder
		want.WriteString("first.")
		for i := range 100 { // 100 KiB in frames of 1 KiB
			f := frame(1, i, 1<<10)
			add(t, o, f)
			want.WriteString(f)
		}
		flushed := make(chan error, 1)
		go func() { flushed <- o.Flush(t.Context()) }()
		for writing := true; writing; {
			select {
			case conn.gate <- verdict{}:
			case err := <-flushed:
				writing = false
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := conn.writeCount() - 1; n < 2 || n > 4 { // a buffer of the pool may have more room
			t.Errorf("100 frames of 1 KiB took %d writes, want some segments of 32 KiB", n)
		}
		if conn.written() != want.String() {
			t.Error("the bytes on the wire are not the frames in their order")
		}
	})
}

// A large frame is not copied: the very bytes that the caller encoded are written.
func TestLargeFramesAreNotCopied(t *testing.T) {
	t.Parallel()
	for _, size := range []int{16 << 10, 100 << 10, 256 << 10, 700 << 10, 3 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			conn := newFakeConn()
			o := outbox.New(conn, patience, roomy)
			b := bufpool.Get(size)
			b.B = b.B[:size]
			first := &b.B[0]
			if _, err := o.Add(context.Background(), b, true); err != nil {
				t.Fatal(err)
			}
			if conn.pieces[0] != first {
				t.Error("the frame was copied on its way")
			}
			total := 0
			for _, n := range conn.writes {
				if total += n; n > 256<<10 {
					t.Errorf("a write of %d bytes goes under one deadline, want at most 256 KiB", n)
				}
			}
			if total != size {
				t.Errorf("wrote %d bytes of %d", total, size)
			}
		})
	}
}

// Frames that queue up behind a write keep their order and their bytes, whatever mix
// of sizes they have, and go to a TCP connection in one vectored write.
func TestMixedSizesInOneBatch(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	o := outbox.New(client, patience, roomy)
	defer o.Close(nil)
	got := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(server)
		got <- all
	}()
	var want strings.Builder
	for i := range 100 {
		f := frame(1, i, rand.IntN(64<<10))
		want.WriteString(f)
		add(t, o, f)
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := o.Written(); n != int64(want.Len()) {
		t.Errorf("Written is %d, want %d", n, want.Len())
	}
	o.Close(nil)
	if string(<-got) != want.String() {
		t.Error("the peer received other bytes")
	}
}

func tcpPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// Add at the limit waits: for room, for its context, or for the end.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	// full returns an outbox whose queue is at its limit and a caller that waits.
	full := func(t *testing.T, ctx context.Context) (*fakeConn, *outbox.Outbox, chan error) {
		conn := newGatedConn()
		o := outbox.New(conn, patience, 8)
		go add(t, o, "a.")
		synctest.Wait()
		add(t, o, "12345678") // fills the queue exactly
		waiter := make(chan error, 1)
		go func() {
			_, err := o.Add(ctx, buffer("late."), false)
			waiter <- err
		}()
		synctest.Wait()
		select {
		case err := <-waiter:
			t.Fatalf("Add to a full queue returned %v at once", err)
		default:
		}
		return conn, o, waiter
	}
	t.Run("room", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			conn, o, waiter := full(t, t.Context())
			conn.through() // "a." is out, what fills the queue is under way
			conn.through()
			conn.through() // "late.", which its caller may be writing itself
			if err := <-waiter; err != nil {
				t.Fatal(err)
			}
			if err := o.Flush(t.Context()); err != nil || conn.written() != "a.12345678late." {
				t.Errorf("wrote %q, %v", conn.written(), err)
			}
		})
	})
	t.Run("one byte under the limit is room", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			conn := newGatedConn()
			o := outbox.New(conn, patience, 8)
			go add(t, o, "a.")
			synctest.Wait()
			add(t, o, "12345")                   // with "a.", which is under way, 7 of 8
			add(t, o, strings.Repeat("x", 1000)) // returns: a frame is never split for the limit
			for range 2 {
				conn.through()
			}
			if err := o.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("context ends", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			conn, o, waiter := full(t, ctx)
			cancel()
			if err := <-waiter; !errors.Is(err, context.Canceled) {
				t.Errorf("Add returned %v, want that its context ended", err)
			}
			conn.through()
			conn.through()
			if err := o.Flush(t.Context()); err != nil || conn.written() != "a.12345678" {
				t.Errorf("wrote %q, %v; want nothing of the frame that was given up", conn.written(), err)
			}
		})
	})
	t.Run("outbox is closed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			conn, o, waiter := full(t, t.Context())
			why := errors.New("shut down")
			o.Close(why)
			if err := <-waiter; !errors.Is(err, why) {
				t.Errorf("Add returned %v, want the reason of Close", err)
			}
			synctest.Wait()
			if conn.written() != "" {
				t.Errorf("wrote %q after Close", conn.written())
			}
		})
	})
	t.Run("connection fails", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			conn, _, waiter := full(t, t.Context())
			conn.breakAfter(0)
			if err := <-waiter; !errors.Is(err, errBroken) {
				t.Errorf("Add returned %v, want why the connection failed", err)
			}
		})
	})
	t.Run("an ended context does not matter while there is room", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		conn := newFakeConn()
		o := outbox.New(conn, patience, 8)
		if _, err := o.Add(ctx, buffer("a."), false); err != nil || o.Flush(t.Context()) != nil || conn.written() != "a." {
			t.Errorf("wrote %q, %v", conn.written(), err)
		}
	})
	t.Run("everybody who waits gets a turn", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			conn := newGatedConn()
			o := outbox.New(conn, patience, 1)
			var all sync.WaitGroup
			for i := range 50 {
				all.Go(func() { add(t, o, frame(i, 0, 3)) })
			}
			done := make(chan struct{})
			go func() { all.Wait(); close(done) }()
			for {
				select {
				case conn.gate <- verdict{}:
					continue
				case <-done:
				}
				break
			}
			for o.Written() < int64(len(frame(0, 0, 3))*10+len(frame(10, 0, 3))*40) {
				conn.through()
				synctest.Wait()
			}
			if strings.Count(conn.written(), "<") != 50 {
				t.Errorf("%d frames of 50 were written", strings.Count(conn.written(), "<"))
			}
		})
	})
}

// What Sent, Wait, Flush, Add and Err say in each state of a frame.
func TestTruthTable(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*fakeConn, *outbox.Outbox) error{
		"the write fails": func(c *fakeConn, _ *outbox.Outbox) error { c.breakAfter(1); return errBroken },
		"it is closed":    func(_ *fakeConn, o *outbox.Outbox) error { o.Close(nil); return outbox.ErrClosed },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn := newGatedConn()
				o := outbox.New(conn, patience, roomy)
				go add(t, o, "written.")
				conn.through()
				synctest.Wait()
				go add(t, o, "handed.")
				synctest.Wait()
				queued := add(t, o, "queued.")
				written, handed := int64(0), int64(len("written."))

				type answers struct {
					sent bool
					wait error
				}
				check := func(when string, want map[int64]answers, flush, err error) {
					t.Helper()
					ctx, cancel := context.WithCancel(t.Context())
					cancel() // who would have to wait says so
					for pos, w := range want {
						if got := o.Sent(pos); got != w.sent {
							t.Errorf("%s: Sent(%d) is %t, want %t", when, pos, got, w.sent)
						}
						if got := o.Wait(ctx, pos); !errors.Is(got, w.wait) || (got == nil) != (w.wait == nil) {
							t.Errorf("%s: Wait(%d) returns %v, want %v", when, pos, got, w.wait)
						}
					}
					if got := o.Flush(ctx); !errors.Is(got, flush) {
						t.Errorf("%s: Flush returns %v, want %v", when, got, flush)
					}
					if got := o.Err(); !errors.Is(got, err) || (got == nil) != (err == nil) {
						t.Errorf("%s: Err returns %v, want %v", when, got, err)
					}
				}
				check("before", map[int64]answers{
					written: {true, nil},
					handed:  {true, context.Canceled},
					queued:  {false, context.Canceled},
				}, context.Canceled, nil)

				waiters := make(chan error, 3)
				for _, pos := range []int64{handed, queued} {
					go func() { waiters <- o.Wait(t.Context(), pos) }()
				}
				go func() { waiters <- o.Flush(t.Context()) }()
				synctest.Wait()
				why := end(conn, o)
				for range 3 {
					if err := <-waiters; !errors.Is(err, why) {
						t.Errorf("who waited got %v, want %v", err, why)
					}
				}
				synctest.Wait()
				after := map[int64]answers{
					written: {true, nil},
					handed:  {true, why},
					queued:  {false, why},
				}
				check("after", after, why, why)
				if _, err := o.Add(t.Context(), buffer("x"), false); !errors.Is(err, why) {
					t.Errorf("Add returns %v, want %v", err, why)
				}
				if !conn.isClosed() {
					t.Error("the connection is open: its reader would never learn")
				}
				o.Close(errors.New("a later reason"))
				check("after another Close", after, why, why)
			})
		})
	}
}

// Of a batch that broke in the middle nothing counts as written, all as perhaps sent.
func TestBatchBreaksInTheMiddle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := newGatedConn()
		o := outbox.New(conn, patience, roomy)
		go add(t, o, "first.")
		synctest.Wait()
		a := add(t, o, strings.Repeat("a", 20<<10))
		b := add(t, o, strings.Repeat("b", 20<<10))
		conn.through() // first.
		conn.through() // a, of the same batch as b
		synctest.Wait()
		c := add(t, o, "c")
		conn.breakAfter(10)
		synctest.Wait()
		for name, want := range map[string]struct {
			pos  int64
			sent bool
		}{"a": {a, true}, "b": {b, true}, "c": {c, false}} {
			if got := o.Sent(want.pos); got != want.sent {
				t.Errorf("Sent(%s) is %t, want %t", name, got, want.sent)
			}
			if err := o.Wait(t.Context(), want.pos); !errors.Is(err, errBroken) {
				t.Errorf("Wait(%s) returns %v", name, err)
			}
		}
		if got := o.Written(); got != int64(len("first.")) {
			t.Errorf("Written is %d, want the first batch alone", got)
		}
	})
}

func TestFlushOfNothing(t *testing.T) {
	t.Parallel()
	o := outbox.New(newFakeConn(), patience, roomy)
	if err := o.Flush(t.Context()); err != nil {
		t.Errorf("Flush of an empty outbox returns %v", err)
	}
	o.Close(nil)
	if err := o.Flush(t.Context()); err != nil {
		t.Errorf("Flush of an outbox that was closed empty returns %v; nothing was lost", err)
	}
	if err := o.Err(); !errors.Is(err, outbox.ErrClosed) {
		t.Errorf("Err is %v, want ErrClosed", err)
	}
}

func TestCloseWhileAWriteBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := mem.Pipe()
		o := outbox.New(ours, time.Hour, roomy)
		leader := make(chan struct{})
		go func() {
			defer close(leader)
			_, _ = o.Add(context.Background(), buffer(strings.Repeat("x", 1<<20)), false)
		}()
		synctest.Wait() // the pipe is full
		began := time.Now()
		var all sync.WaitGroup
		for range 3 { // also more than once, and at once
			all.Go(func() { o.Close(nil) })
		}
		all.Wait()
		<-leader
		if took := time.Since(began); took != 0 {
			t.Errorf("Close waited %v for a write that does not end", took)
		}
		if _, err := ours.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the connection is not closed: %v", err)
		}
		theirs.Close()
	})
}

// After some rounds a caller that writes for others goes its own way; a goroutine of
// the outbox's takes over, and Close waits for it.
func TestHandover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := newGatedConn()
		o := outbox.New(conn, patience, roomy)
		leader := make(chan struct{})
		go func() {
			add(t, o, "0.")
			close(leader)
		}()
		const rounds = 16
		want := "0."
		for i := 1; i <= rounds; i++ {
			synctest.Wait() // the leader is at the gate
			select {
			case <-leader:
				t.Fatalf("the leader left after %d rounds", i-1)
			default:
			}
			f := fmt.Sprintf("%d.", i)
			add(t, o, f)
			want += f
			conn.through()
		}
		<-leader // though one frame is not written yet
		if conn.written() == want {
			t.Fatal("the leader stayed to the end")
		}
		synctest.Wait()
		add(t, o, "more.") // somebody else is writing: this returns
		conn.through()
		conn.through()
		if err := o.Flush(t.Context()); err != nil || conn.written() != want+"more." {
			t.Errorf("wrote %q, %v", conn.written(), err)
		}

		// Close with such a goroutine at the gate.
		go func() {
			for i := 0; o.Err() == nil; i++ {
				_, _ = o.Add(context.Background(), buffer(fmt.Sprint(i)), false)
			}
		}()
		for range 2 * rounds {
			conn.through()
			synctest.Wait()
		}
		o.Close(nil)
		before := conn.writeCount()
		synctest.Wait()
		if after := conn.writeCount(); after != before {
			t.Errorf("%d writes after Close had returned", after-before)
		}
	})
}

// A peer that takes nothing is cut within the timeout; one that takes 256 KiB within
// three quarters of it never is, however long the whole takes.
func TestWriteDeadline(t *testing.T) {
	t.Parallel()
	t.Run("stalled", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := mem.Pipe()
			defer theirs.Close()
			o := outbox.New(ours, patience, roomy)
			add(t, o, "fits in the pipe")
			time.Sleep(patience / 5) // the deadline of the first write still counts
			began := time.Now()
			pos, err := o.Add(t.Context(), buffer(strings.Repeat("x", 1<<20)), false)
			if err != nil {
				t.Fatalf("Add returned %v: the frame was taken, the failure is the connection's", err)
			}
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Errorf("Add held its caller up for %v, though a goroutine could write", took)
			}
			var timeout net.Error
			if err := o.Wait(t.Context(), pos); !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("Wait returns %v, want a timeout", err)
			}
			if took := time.Since(began); took < patience*3/4 || took > patience+100*time.Millisecond {
				t.Errorf("the peer was given %v, want three to four quarters of %v", took, patience)
			}
			synctest.Wait()
			if _, err := ours.Write(nil); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the connection is not closed: %v", err)
			}
		})
	})
	for name, size := range map[string]int{"one large frame": 2 << 20, "many small ones": 2 << 10} {
		t.Run("slow but moving, "+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := mem.Pipe()
				o := outbox.New(ours, patience, roomy)
				const total = 4 << 20
				peer := make(chan struct{})
				go func() { // 64 KiB at a time, a little less than the timeout allows for 256
					defer close(peer)
					defer theirs.Close()
					chunk := make([]byte, 64<<10)
					for left := total; left > 0; left -= len(chunk) {
						time.Sleep(patience * 3 / 4 / 5)
						if _, err := io.ReadFull(theirs, chunk); err != nil {
							t.Errorf("with %d bytes to come: %v", left, err)
							return
						}
					}
				}()
				began := time.Now()
				for range total / size {
					if _, err := o.Add(t.Context(), buffer(strings.Repeat("x", size)), false); err != nil {
						t.Error(err)
						break
					}
				}
				if err := o.Flush(t.Context()); err != nil {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
				if took := time.Since(began); took < 5*patience {
					t.Errorf("the test took %v, too short to show anything", took)
				}
				o.Close(nil)
				<-peer
			})
		})
	}
	t.Run("set now and then", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			conn := newFakeConn()
			o := outbox.New(conn, patience, roomy)
			for range 1000 {
				add(t, o, "x")
			}
			if n := len(conn.deadlines); n != 1 {
				t.Errorf("1000 writes at one time set %d deadlines, want 1", n)
			}
			time.Sleep(patience)
			add(t, o, "x")
			if n := len(conn.deadlines); n != 2 || !conn.deadlines[1].Equal(time.Now().Add(patience)) {
				t.Errorf("deadlines are %v, want a second one in %v", conn.deadlines, patience)
			}
		})
	})
	t.Run("cannot be set", func(t *testing.T) {
		t.Parallel()
		ours, theirs := mem.Pipe()
		o := outbox.New(ours, patience, roomy)
		ours.Close()
		_, _ = o.Add(t.Context(), buffer("x"), false)
		if err := o.Err(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Err is %v, want that the connection is closed", err)
		}
		theirs.Close()
	})
}

// Many callers at once, frames of all sizes, over each kind of connection: every frame
// arrives whole, once, and in the order of its caller.
func TestHammer(t *testing.T) {
	t.Parallel()
	pipes := map[string]func(*testing.T) (net.Conn, net.Conn){
		"mem": func(*testing.T) (net.Conn, net.Conn) { return mem.Pipe() },
		"tcp": tcpPair,
	}
	for name, pipe := range pipes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const senders, frames = 16, 150
			ours, theirs := pipe(t)
			o := outbox.New(ours, time.Minute, 64<<10)
			got := make(chan error, 1)
			go func() { got <- readFrames(theirs, senders, frames) }()
			var all sync.WaitGroup
			for s := range senders {
				all.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(s), 1))
					for i := range frames {
						size := rng.IntN(400)
						if rng.IntN(50) == 0 {
							size = rng.IntN(48 << 10)
						}
						f := frame(s, i, size)
						pos, err := o.Add(context.Background(), buffer(f), rng.IntN(2) == 0)
						if err != nil {
							t.Error(err)
							return
						}
						if rng.IntN(20) == 0 {
							if err := o.Wait(context.Background(), pos); err != nil || !o.Sent(pos) {
								t.Errorf("waiting: %v, sent: %t", err, o.Sent(pos))
							}
						}
					}
				})
			}
			all.Wait()
			if err := o.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-got; err != nil {
				t.Error(err)
			}
			o.Close(nil)
			theirs.Close()
		})
	}
}

// readFrames reads what so many senders sent and checks it.
func readFrames(conn net.Conn, senders, frames int) error {
	r := bufio.NewReader(conn)
	next := make([]int, senders)
	for range senders * frames {
		var sender, seq, size int
		if _, err := fmt.Fscanf(r, "<%d:%d:%d:", &sender, &seq, &size); err != nil {
			return fmt.Errorf("no frame: %w", err)
		}
		rest := make([]byte, size+1)
		if _, err := io.ReadFull(r, rest); err != nil {
			return err
		}
		if seq != next[sender] {
			return fmt.Errorf("frame %d of sender %d comes where %d should", seq, sender, next[sender])
		}
		next[sender]++
		if want := frame(sender, seq, size); !strings.HasSuffix(want, string(rest)) {
			return fmt.Errorf("frame %d of sender %d is damaged", seq, sender)
		}
	}
	return nil
}

// Callers, waiters and Close, all at once: nobody hangs and nobody is told of success
// for what was not written.
func TestHammerClose(t *testing.T) {
	t.Parallel()
	for i := range 50 {
		ours, theirs := mem.Pipe()
		o := outbox.New(ours, time.Minute, 4<<10)
		received := make(chan int64, 1)
		go func() {
			n, _ := io.Copy(io.Discard, theirs)
			received <- n
		}()
		var all sync.WaitGroup
		var mu sync.Mutex
		var confirmed int64
		for s := range 8 {
			all.Go(func() {
				for seq := 0; ; seq++ {
					f := frame(s, seq, 500)
					pos, err := o.Add(context.Background(), buffer(f), true)
					if err != nil {
						return
					}
					if o.Wait(context.Background(), pos+int64(len(f))-1) == nil {
						mu.Lock()
						confirmed = max(confirmed, pos+int64(len(f)))
						mu.Unlock()
					}
				}
			})
		}
		if err := o.Wait(t.Context(), int64(i*1000)); err != nil {
			t.Fatal(err)
		}
		o.Close(nil)
		all.Wait()
		if n := <-received; n < confirmed {
			t.Fatalf("the peer received %d bytes, but %d were said to be written", n, confirmed)
		}
		theirs.Close()
	}
}
