// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder counts, and stops after enough.
type recorder struct {
	mu       sync.Mutex
	callers  map[int]int
	failures int
	left     int
	stop     context.CancelFunc
}

func (r *recorder) Done(caller int, _ time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.callers[caller]++
	if err != nil {
		r.failures++
	}
	if r.left--; r.left == 0 {
		r.stop()
	}
}

// drive runs a load against a server until n messages were answered.
func drive(t *testing.T, client, server Echo, load peers.Load, n int) (*recorder, error) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, err := server.Serve(ln, peers.NewService(0))
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := &recorder{callers: make(map[int]int), left: n, stop: cancel}
	d, err := client.Dial(ctx, ln.Addr().String(), load, r)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(d.Drive(ctx), d.Close())
	return r, err
}

// Every caller has one message under way, on whichever connection.
func TestEchoServesAllCallers(t *testing.T) {
	t.Parallel()
	for _, load := range []peers.Load{{Callers: 7, Conns: 3}, {Callers: 3, Conns: 7}, {Callers: 400, Conns: 1}} {
		r, err := drive(t, Echo{Codec: Std{}}, Echo{Codec: Std{}}, load, 20*load.Callers)
		if err != nil || r.failures > 0 {
			t.Errorf("%+v: %v, %d failures", load, err, r.failures)
		}
		for caller := range load.Callers {
			if r.callers[caller] == 0 {
				t.Errorf("%+v: caller %d was never answered", load, caller)
			}
		}
		if len(r.callers) != load.Callers {
			t.Errorf("%+v: %d callers", load, len(r.callers))
		}
	}
}

func TestPingPongHasOneUnderWay(t *testing.T) {
	t.Parallel()
	r, err := drive(t, Echo{PingPong: true}, Echo{}, peers.Load{Callers: 10, Conns: 2}, 50)
	if err != nil || len(r.callers) != 2 {
		t.Errorf("%v, callers %v, want one on each of 2 connections", err, r.callers)
	}
}

// The two codecs understand each other.
func TestCodecs(t *testing.T) {
	t.Parallel()
	r, err := drive(t, Echo{Codec: VT{}}, Echo{Codec: Std{}}, peers.Load{Callers: 5, Conns: 1}, 50)
	if err != nil || r.failures > 0 {
		t.Errorf("%v, %d failures", err, r.failures)
	}
	for _, c := range []Codec{Std{}, VT{}} {
		out, err := c.Append([]byte("head"), peers.NewMessage(0))
		if err != nil || len(out) != 4+peers.Size || string(out[:4]) != "head" {
			t.Errorf("%T: %d bytes, %v", c, len(out), err)
		}
		if err := c.Unmarshal([]byte{0xff}, new(pb.BenchmarkMessage)); err == nil {
			t.Errorf("%T decodes nonsense", c)
		}
	}
}

// With Handle the service's handler runs, once for each message.
func TestHandle(t *testing.T) {
	t.Parallel()
	for _, handle := range []bool{false, true} {
		e := Echo{Codec: Std{}, Handle: handle}
		s := peers.NewService(0)
		body, err := Std{}.Append(nil, peers.NewMessage(0))
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.appendReply(nil, 7, body, s)
		if err != nil {
			t.Fatal(err)
		}
		reply := new(pb.BenchmarkMessage)
		if err := (Std{}).Unmarshal(out[headLen:], reply); err != nil {
			t.Fatal(err)
		}
		if err := peers.Verify(peers.NewMessage(0), reply); err != nil || s.Served() != 1 {
			t.Errorf("handle %t: %v, %d served", handle, err, s.Served())
		}
	}
}

// An echo instead of an answer is noticed.
func TestWrongReplies(t *testing.T) {
	t.Parallel()
	r, err := drive(t, Echo{Codec: Std{}}, Echo{}, peers.Load{Callers: 2, Conns: 1}, 10)
	if err != nil || r.failures < 10 {
		t.Errorf("%v, %d failures of 10", err, r.failures)
	}
}

// A connection that ends is an error, and ends the others.
func TestServerGoes(t *testing.T) {
	t.Parallel()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var serving sync.WaitGroup
	defer serving.Wait()
	serving.Go(func() {
		for i := range 2 {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				if i == 1 {
					_, _ = io.Copy(io.Discard, conn) // never answers
				}
			})
		}
	})
	d, err := Echo{}.Dial(t.Context(), ln.Addr().String(), peers.Load{Callers: 2, Conns: 2}, &recorder{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Drive(t.Context()); err == nil {
		t.Error("no error")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// slow is a connection whose peer does not read until it is told to.
type slow struct {
	read    chan struct{}
	mu      sync.Mutex
	written []byte
	fail    error
}

func (s *slow) Write(b []byte) (int, error) {
	<-s.read
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, b...)
	return len(b), s.fail
}

// Whoever writes does not wait for the peer, and the order stays.
func TestWriter(t *testing.T) {
	t.Parallel()
	conn := &slow{read: make(chan struct{})}
	w := newWriter(conn)
	want := ""
	for i := range 100 {
		text := strings.Repeat(string(rune('a'+i%26)), i)
		want += text
		if err := w.write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	close(conn.read)
	for len(conn.seen()) < len(want) {
		runtime.Gosched()
	}
	w.close()
	if string(conn.seen()) != want {
		t.Error("what was written is not what was given")
	}
}

func (s *slow) seen() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}

func TestWriterFails(t *testing.T) {
	t.Parallel()
	conn := &slow{read: make(chan struct{}), fail: io.ErrClosedPipe}
	w := newWriter(conn)
	close(conn.read)
	for w.write([]byte("x")) == nil { // until the failure shows
		continue
	}
	w.close()
	if err := w.write(nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
}
