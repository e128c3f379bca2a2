// SPDX-License-Identifier: Apache-2.0

package mem

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

func TestPipe(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		a, b := Pipe()
		return a, b, func() { closeAll(a, b) }, nil
	})
}

func closeAll(conns ...net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}

// TestWriteIsBuffered: up to 64 KiB need no reader, and one byte more does.
func TestWriteIsBuffered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe()
		defer closeAll(a, b)
		for range bufferSize / 1024 {
			if n, err := a.Write(make([]byte, 1024)); n != 1024 || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		written := false
		go func() {
			if n, err := a.Write([]byte("x")); n != 1 || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
			written = true
		}()
		synctest.Wait()
		if written {
			t.Errorf("%d bytes were taken with nobody reading", bufferSize+1)
		}
		if n, err := b.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Fatalf("Read = %d, %v", n, err)
		}
		synctest.Wait()
		if !written {
			t.Error("there is room, and Write still waits")
		}
	})
}

// TestRing moves the contents round the ring in pieces that do not divide it.
func TestRing(t *testing.T) {
	t.Parallel()
	a, b := Pipe()
	defer closeAll(a, b)
	var sent, got bytes.Buffer
	buf := make([]byte, bufferSize)
	for i := range 200 {
		piece := bytes.Repeat([]byte{byte(i)}, 1+i*331%(bufferSize-1))
		sent.Write(piece)
		if _, err := a.Write(piece); err != nil {
			t.Fatal(err)
		}
		for _, part := range []int{len(piece) / 3, len(piece) - len(piece)/3} {
			n, err := io.ReadFull(b, buf[:part])
			if err != nil {
				t.Fatal(err)
			}
			got.Write(buf[:n])
		}
	}
	if !bytes.Equal(got.Bytes(), sent.Bytes()) {
		t.Error("other bytes arrived")
	}
}

func FuzzRing(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{255, 127, 255, 255, 127, 0, 200, 1})
	f.Fuzz(func(t *testing.T, program []byte) {
		h := newHalf()
		var want []byte
		var next byte
		for _, op := range program {
			size := int(op&0x7f) * 1031 // some of them over the whole ring
			if op&0x80 != 0 {
				p := make([]byte, size)
				for i := range p {
					p[i], next = next, next+1
				}
				n := h.put(p)
				if room := bufferSize - len(want); n != min(size, room) {
					t.Fatalf("put %d of %d bytes into room for %d", n, size, room)
				}
				next -= byte(size - n)
				want = append(want, p[:n]...)
				continue
			}
			if len(want) == 0 {
				continue // read does not take from an empty ring
			}
			p := make([]byte, size)
			n := h.take(p)
			if n != min(size, len(want)) || !bytes.Equal(p[:n], want[:n]) {
				t.Fatalf("took %d bytes of %d, or other ones", n, len(want))
			}
			want = want[n:]
		}
	})
}

// TestWritesStayTogether: the bytes of one Write are not mixed with another's.
func TestWritesStayTogether(t *testing.T) {
	t.Parallel()
	const writers, size = 8, 3*bufferSize + 17
	a, b := Pipe()
	defer closeAll(a, b)
	for i := range writers {
		go func() {
			if _, err := a.Write(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
				t.Errorf("Write: %v", err)
			}
		}()
	}
	got := make([]byte, size)
	for range writers {
		if _, err := io.ReadFull(b, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, bytes.Repeat(got[:1], size)) {
			t.Fatal("the bytes of two writers are mixed")
		}
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	full := make([]byte, 2*bufferSize)
	read := func(c net.Conn) error { _, err := c.Read(full); return err }
	write := func(c net.Conn) error { _, err := c.Write(full); return err }
	tests := []struct {
		name string
		set  func(net.Conn, time.Time) error
		do   func(net.Conn) error
	}{
		{"read", net.Conn.SetReadDeadline, read},
		{"write", net.Conn.SetWriteDeadline, write},
		{"both, read", net.Conn.SetDeadline, read},
		{"both, write", net.Conn.SetDeadline, write},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b := Pipe()
				defer closeAll(a, b)
				start := time.Now()
				check := func(after time.Duration) {
					t.Helper()
					err := tt.do(a)
					var timeout net.Error
					if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
						t.Errorf("error %v, want os.ErrDeadlineExceeded", err)
					}
					if took := time.Since(start); took != after {
						t.Errorf("it ended after %v, want %v", took, after)
					}
				}
				set := func(after time.Duration) {
					t.Helper()
					if err := tt.set(a, start.Add(after)); err != nil {
						t.Errorf("set the deadline: %v", err)
					}
				}
				set(time.Second)
				check(time.Second)
				check(time.Second) // it stays over
				set(3 * time.Second)
				check(3 * time.Second)

				set(time.Hour) // and is changed while somebody waits
				time.AfterFunc(2*time.Second, func() { set(10 * time.Second) })
				check(10 * time.Second)
				set(11 * time.Second)
				time.AfterFunc(500*time.Millisecond, func() { set(20 * time.Second) })
				check(20 * time.Second)
			})
		})
	}
}

func TestNoDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe()
		defer closeAll(a, b)
		if err := a.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(500*time.Millisecond, func() {
			if err := a.SetDeadline(time.Time{}); err != nil {
				t.Error(err)
			}
		})
		time.AfterFunc(24*time.Hour, func() {
			if _, err := b.Write([]byte("late")); err != nil {
				t.Error(err)
			}
		})
		got := make([]byte, 10)
		if n, err := a.Read(got); err != nil || string(got[:n]) != "late" {
			t.Errorf("Read = %q, %v, want what came a day later", got[:n], err)
		}
	})
}

func TestCloseWakesEverybody(t *testing.T) {
	t.Parallel()
	ends := []struct {
		name         string
		end          func(a, b net.Conn) error // while a reads and writes
		read, writes error
	}{
		{"own Close", func(a, _ net.Conn) error { return a.Close() }, net.ErrClosed, net.ErrClosed},
		{"the peer's Close", func(_, b net.Conn) error { return b.Close() }, io.EOF, syscall.EPIPE},
	}
	for _, tt := range ends {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b := Pipe()
				defer closeAll(a, b)
				read, writes := make(chan error, 1), make(chan error, 2)
				go func() { _, err := a.Read(make([]byte, 1)); read <- err }()
				for range 2 { // one waits for room, one for the other
					go func() { _, err := a.Write(make([]byte, 2*bufferSize)); writes <- err }()
				}
				synctest.Wait()
				if err := tt.end(a, b); err != nil {
					t.Fatal(err)
				}
				if err := <-read; !errors.Is(err, tt.read) {
					t.Errorf("Read = %v, want %v", err, tt.read)
				}
				for range 2 {
					if err := <-writes; !errors.Is(err, tt.writes) {
						t.Errorf("Write = %v, want %v", err, tt.writes)
					}
				}
			})
		})
	}
}

func TestAfterClose(t *testing.T) {
	t.Parallel()
	a, b := Pipe()
	defer b.Close()
	for range 2 {
		if err := a.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	for name, set := range map[string]func(time.Time) error{
		"SetDeadline": a.SetDeadline, "SetReadDeadline": a.SetReadDeadline, "SetWriteDeadline": a.SetWriteDeadline,
	} {
		if err := set(time.Now()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close = %v, want net.ErrClosed", name, err)
		}
	}
	if _, err := b.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // readers look for the bare value
		t.Errorf("Read = %v, want the bare io.EOF", err)
	}
}

// TestCloseWriteLeavesTheRest: only the one direction ends.
func TestCloseWriteLeavesTheRest(t *testing.T) {
	t.Parallel()
	a, b := Pipe()
	defer closeAll(a, b)
	if _, err := a.Write([]byte("last")); err != nil {
		t.Fatal(err)
	}
	if err := a.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := a.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Errorf("SetDeadline after CloseWrite: %v", err)
	}
	if got, err := io.ReadAll(b); err != nil || string(got) != "last" {
		t.Errorf("the peer read %q, %v", got, err)
	}
	if _, err := b.Write([]byte("answer")); err != nil {
		t.Errorf("Write of the peer: %v", err)
	}
	got := make([]byte, 6)
	if _, err := io.ReadFull(a, got); err != nil || string(got) != "answer" {
		t.Errorf("read %q, %v after CloseWrite", got, err)
	}
}

func TestErrorsTellWhere(t *testing.T) {
	t.Parallel()
	a, b := Pipe()
	closeAll(a, b)
	_, err := a.Write([]byte("x"))
	if want := "write mem pipe-a->pipe-b: use of closed network connection"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// TestNoAllocation: bytes go through without any.
func TestNoAllocation(t *testing.T) {
	a, b := Pipe()
	defer closeAll(a, b)
	buf := make([]byte, 1000)
	got := testing.AllocsPerRun(1000, func() {
		_ = a.SetWriteDeadline(time.Now().Add(time.Minute))
		_, _ = a.Write(buf)
		_, _ = b.Read(buf)
	})
	if got != 0 {
		t.Errorf("a Write and a Read allocate %v times, want 0", got)
	}
}

func BenchmarkPingPong(b *testing.B) {
	x, y := Pipe()
	defer closeAll(x, y)
	go func() { _, _ = io.Copy(struct{ io.Writer }{y}, struct{ io.Reader }{y}) }()
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = x.Write(buf)
		_, _ = io.ReadFull(x, buf)
	}
}

func BenchmarkStream(b *testing.B) {
	x, y := Pipe()
	defer closeAll(x, y)
	go func() { _, _ = io.Copy(io.Discard, struct{ io.Reader }{y}) }()
	buf := make([]byte, 16<<10)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = x.Write(buf)
	}
}
