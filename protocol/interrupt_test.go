// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/protocol"
)

func TestInterrupt(t *testing.T) {
	t.Parallel()
	frame, err := (&protocol.Message{Service: "S", Method: "M", Payload: []byte("hello")}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	half := len(frame) / 2
	tests := []struct {
		name string
		run  func(t *testing.T, r *protocol.Reader, peer net.Conn)
	}{
		{"while it waits", func(t *testing.T, r *protocol.Reader, peer net.Conn) {
			time.AfterFunc(time.Hour, r.Interrupt)
			began := time.Now()
			wantInterrupted(t, r)
			if took := time.Since(began); took != time.Hour {
				t.Errorf("Next ended after %v", took)
			}
			go write(peer, frame)
			wantFrame(t, r)
		}},
		{"before it waits", func(t *testing.T, r *protocol.Reader, peer net.Conn) {
			r.Interrupt()
			wantInterrupted(t, r)
			go write(peer, frame)
			wantFrame(t, r)
		}},
		{"before a frame that is there", func(t *testing.T, r *protocol.Reader, peer net.Conn) {
			go write(peer, append(append([]byte(nil), frame...), frame...))
			wantFrame(t, r)
			r.Interrupt()
			wantFrame(t, r)
			wantInterrupted(t, r)
		}},
		{"twice", func(t *testing.T, r *protocol.Reader, peer net.Conn) {
			r.Interrupt()
			r.Interrupt()
			wantInterrupted(t, r)
			go write(peer, frame)
			wantFrame(t, r)
		}},
		{"within a frame", func(t *testing.T, r *protocol.Reader, peer net.Conn) {
			go write(peer, frame[:half])
			time.AfterFunc(stall/2, r.Interrupt)
			wantInterrupted(t, r)
			go write(peer, frame[half:])
			wantFrame(t, r)
		}},
		{"within a large frame", func(t *testing.T, r *protocol.Reader, peer net.Conn) {
			m := protocol.Message{Service: "S", Method: "M", Payload: bytes.Repeat([]byte("large"), 100<<10)}
			b, _ := m.AppendBinary(nil)
			go slowly(peer, b, 64<<10, stall/2)
			time.AfterFunc(stall, r.Interrupt)
			wantInterrupted(t, r)
			if f, err := r.Next(); err != nil || !bytes.Equal(f.Payload, m.Payload) {
				t.Errorf("Next: %v", err)
			}
			time.Sleep(stall) // the peer takes its last pause
		}},
		{"within a frame that never ends", func(t *testing.T, r *protocol.Reader, peer net.Conn) {
			go write(peer, frame[:half])
			time.AfterFunc(stall/2, r.Interrupt)
			wantInterrupted(t, r)
			if _, err := r.Next(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Next: %v, want a timeout", err)
			}
		}},
		{"at the end", func(t *testing.T, r *protocol.Reader, peer net.Conn) {
			peer.Close()
			if _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("Next: %v", err)
			}
			r.Interrupt()
			if _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("Next: %v, the end is final", err)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer ours.Close()
				defer theirs.Close()
				tt.run(t, protocol.NewReader(ours, protocol.Limits{Stall: stall}), theirs)
			})
		})
	}
}

// write is for a peer that does not care whether it is read.
func write(w io.Writer, b []byte) { _, _ = w.Write(b) }

func wantInterrupted(t *testing.T, r *protocol.Reader) {
	t.Helper()
	if _, err := r.Next(); !errors.Is(err, protocol.ErrInterrupted) {
		t.Fatalf("Next: %v, want an interruption", err)
	}
}

func wantFrame(t *testing.T, r *protocol.Reader) {
	t.Helper()
	f, err := r.Next()
	if err != nil || string(f.Payload) != "hello" {
		t.Fatalf("Next: %v", err)
	}
}

// Interruptions at any time lose no frame, and no time-out is taken for an error.
func TestInterruptAnyTime(t *testing.T) {
	t.Parallel()
	const frames = 2_000
	ours, theirs := net.Pipe()
	defer ours.Close()
	var others sync.WaitGroup
	defer others.Wait()
	defer theirs.Close()
	others.Go(func() {
		b, _ := (&protocol.Message{Service: "S", Method: "M", Payload: make([]byte, 100)}).AppendBinary(nil)
		for i := range frames {
			cut := i % len(b)
			if _, err := theirs.Write(b[:cut]); err != nil {
				return
			}
			if _, err := theirs.Write(b[cut:]); err != nil {
				return
			}
		}
	})
	r := protocol.NewReader(ours, protocol.Limits{Stall: time.Minute})
	stop := make(chan struct{})
	defer close(stop)
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				r.Interrupt()
				runtime.Gosched()
			}
		}
	})
	for got := 0; got < frames; {
		switch _, err := r.Next(); {
		case err == nil:
			got++
		case !errors.Is(err, protocol.ErrInterrupted):
			t.Fatal(err)
		}
	}
}

// A stream without deadlines can be read all the same.
func TestInterruptWithoutDeadlines(t *testing.T) {
	t.Parallel()
	frame, _ := (&protocol.Message{Service: "S", Method: "M", Payload: []byte("hello")}).AppendBinary(nil)
	in, out := io.Pipe()
	defer in.Close()
	r := protocol.NewReader(in, protocol.Limits{})
	r.Interrupt()
	wantInterrupted(t, r)
	go write(out, frame)
	wantFrame(t, r)
}
