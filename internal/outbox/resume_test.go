// SPDX-License-Identifier: Apache-2.0

package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/internal/outbox"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// brief is how long a caller that writes waits for a peer that takes nothing.
const brief = 50 * time.Millisecond

// A caller does not wait for a peer that takes nothing: it has a context of its own.
// What it wrote in part is written on by a goroutine, in its place.
func TestLeaderDoesNotWaitForASlowPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := mem.Pipe()
		o := outbox.New(ours, patience, roomy)
		big, small := strings.Repeat("b", 1<<20), "small"
		began := time.Now()
		pos, err := o.Add(t.Context(), buffer(big), false)
		if took := time.Since(began); err != nil || took > brief {
			t.Errorf("Add returned %v after %v", err, took)
		}
		add(t, o, small) // goes in front of nothing, and returns at once
		if took := time.Since(began); took > brief {
			t.Errorf("the second Add waited %v", took-brief)
		}
		if n := o.Written(); n <= 0 || n >= int64(len(big)) {
			t.Errorf("Written is %d, want a part of %d", n, len(big))
		}
		if !o.Sent(pos) || o.Err() != nil {
			t.Errorf("sent: %t, error: %v", o.Sent(pos), o.Err())
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		if err := o.Wait(done, pos); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait for a frame that is written in part returns %v", err)
		}
		all := make([]byte, len(big)+len(small))
		if _, err := io.ReadFull(theirs, all); err != nil || string(all) != big+small {
			t.Errorf("the peer received other bytes, %v", err)
		}
		if err := o.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if n := o.Written(); n != int64(len(all)) {
			t.Errorf("Written is %d, want %d", n, len(all))
		}
		o.Close(nil)
		theirs.Close()
	})
}

// The queue behind a peer that takes nothing is bounded as ever.
func TestBackPressureBehindASlowPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 10_000
		ours, theirs := mem.Pipe()
		o := outbox.New(ours, time.Hour, limit)
		add(t, o, strings.Repeat("x", 100_000))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := o.Add(ctx, buffer("too much"), false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Add to a full queue returned %v", err)
		}
		o.Close(nil)
		theirs.Close()
	})
}

// A peer that stops and goes, at any moment, gets every byte once and in order.
func TestPeerThatStopsAndGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		ours, theirs := mem.Pipe()
		o := outbox.New(ours, patience, 256<<10)
		var got bytes.Buffer
		peer := make(chan error, 1)
		go func() {
			chunk := make([]byte, 100<<10)
			for {
				if rng.IntN(4) == 0 {
					time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
				}
				n, err := theirs.Read(chunk[:1+rng.IntN(len(chunk))])
				got.Write(chunk[:n])
				if err != nil {
					peer <- err
					return
				}
			}
		}()
		var want strings.Builder
		sizes := rand.New(rand.NewPCG(3, 4))
		for i := range 500 {
			size := sizes.IntN(2000)
			if sizes.IntN(20) == 0 {
				size = sizes.IntN(300 << 10)
			}
			f := frame(1, i, size)
			want.WriteString(f)
			if _, err := o.Add(t.Context(), buffer(f), sizes.IntN(2) == 0); err != nil {
				t.Fatal(err)
			}
			if sizes.IntN(100) == 0 {
				if err := o.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n := o.Written(); n != int64(want.Len()) {
					t.Fatalf("after Flush %d bytes are written, want %d", n, want.Len())
				}
			}
		}
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.Close(nil)
		if err := <-peer; !errors.Is(err, io.EOF) {
			t.Errorf("the peer's connection ended with %v", err)
		}
		if got.String() != want.String() {
			t.Errorf("the peer received %d bytes, which are not the %d that were sent", got.Len(), want.Len())
		}
		theirs.Close()
	})
}

// The same over TCP, whose writes are vectors, with several callers.
func TestTCPPeerThatStopsAndGoes(t *testing.T) {
	t.Parallel()
	const senders, frames = 4, 60
	client, server := tcpPair(t)
	if err := errors.Join(client.(*net.TCPConn).SetWriteBuffer(64<<10), server.(*net.TCPConn).SetReadBuffer(64<<10)); err != nil {
		t.Fatal(err)
	}
	o := outbox.New(client, time.Minute, 64<<10)
	got := make(chan error, 1)
	go func() {
		r, w := io.Pipe()
		go func() {
			got <- readFrames(pipeReader{r}, senders, frames)
		}()
		for {
			if _, err := io.CopyN(w, server, 500<<10); err != nil {
				return
			}
			<-time.After(2 * brief) // the writers lose patience
		}
	}()
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for i := range frames {
				if _, err := o.Add(context.Background(), buffer(frame(s, i, (s+1)*(i+1)*100)), i%2 == 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Close(nil)
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// pipeReader is a pipe as a connection that is only read.
type pipeReader struct{ r *io.PipeReader }

func (p pipeReader) Read(b []byte) (int, error)     { return p.r.Read(b) }
func (pipeReader) Write([]byte) (int, error)        { return 0, net.ErrClosed }
func (p pipeReader) Close() error                   { return p.r.Close() }
func (pipeReader) LocalAddr() net.Addr              { return nil }
func (pipeReader) RemoteAddr() net.Addr             { return nil }
func (pipeReader) SetDeadline(time.Time) error      { return nil }
func (pipeReader) SetReadDeadline(time.Time) error  { return nil }
func (pipeReader) SetWriteDeadline(time.Time) error { return nil }

// A connection that is broken after a write that timed out, as TLS is, gets its time
// at once.
func TestNotResumable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := mem.Pipe()
		o := outbox.New(opaque{ours}, patience, roomy)
		began := time.Now()
		if _, err := o.Add(context.Background(), buffer(strings.Repeat("x", 1<<20)), false); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if err := o.Err(); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("Err is %v, want a timeout", err)
		}
		if took := time.Since(began); took != patience {
			t.Errorf("the peer was given %v, want %v", took, patience)
		}
		theirs.Close()
	})
}

// opaque hides what a connection can do beyond net.Conn.
type opaque struct{ net.Conn }

// Close returns when nobody writes for others any more, and not before.
func TestCloseWaitsForTheGoroutineThatWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := newGatedConn()
		conn.deaf = make(chan struct{})
		o := outbox.New(conn, patience, roomy)
		leader := make(chan struct{})
		go func() {
			add(t, o, "first")
			close(leader)
		}()
		for handed := false; !handed; {
			synctest.Wait()
			select {
			case <-leader:
				handed = true
			default:
				add(t, o, "more")
				conn.through()
			}
		}
		closed := make(chan struct{})
		go func() {
			o.Close(nil)
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close returned while a write of the outbox's goroutine was under way")
		default:
		}
		close(conn.deaf)
		<-closed
	})
}

// A caller with a context does not write to such a connection itself: it would not get
// its goroutine back when the context ends.
func TestNotResumableHeedsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := mem.Pipe()
		o := outbox.New(opaque{ours}, patience, roomy)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		pos, err := o.Add(ctx, buffer(strings.Repeat("x", 1<<20)), false)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Wait(ctx, pos); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait: %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("the caller was held for %v", took)
		}
		theirs.Close()
		o.Close(nil)
	})
}
