// SPDX-License-Identifier: Apache-2.0

package ws

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/transport/mem"
)

// ends returns both ends of a connection over one in memory, which takes 64 KiB.
func ends(t *testing.T) (client, server *conn) {
	t.Helper()
	a, b := mem.Pipe()
	client = newConn(a, bufio.NewReaderSize(a, readBuffer), true).(*conn)
	server = newConn(b, bufio.NewReaderSize(b, readBuffer), false).(*conn)
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	for _, c := range []net.Conn{client, server} {
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return client, server
}

// raw returns a connection at one end and what lies below the other.
func raw(t *testing.T, client bool) (*conn, net.Conn) {
	t.Helper()
	a, b := mem.Pipe()
	c := newConn(a, bufio.NewReaderSize(a, readBuffer), client).(*conn)
	t.Cleanup(func() {
		_ = c.Close()
		_ = b.Close()
	})
	for _, c := range []net.Conn{c, b} {
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return c, b
}

func write(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

// wantNext reads exactly want.
func wantNext(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %x, %v, want %x", got[:n], err, want)
	}
}

// TestWriteTimesOut: whatever the time at which writes time out, and whatever is written
// next, the peer gets the bytes that were written, and no others.
func TestWriteTimesOut(t *testing.T) {
	t.Parallel()
	for _, fromClient := range []bool{true, false} {
		client, server := ends(t)
		from, to := client, server
		if !fromClient {
			from, to = server, client
		}
		data := make([]byte, 1<<20)
		for i := range data {
			data[i] = byte(i ^ i>>8 ^ i>>16)
		}
		received := make(chan []byte, 1)
		go func() {
			got, _ := io.ReadAll(to) // what arrived is looked at
			received <- got
		}()
		timeouts := 0
		for i, n, rest := 0, 1, data; len(rest) > 0; i, n = i+1, n*5%300_007+1 {
			patience := 20 * time.Second
			if i%2 == 0 {
				patience = 50 * time.Microsecond
			}
			_ = from.SetWriteDeadline(time.Now().Add(patience))
			k, err := from.Write(rest[:min(n, len(rest))])
			if errors.Is(err, os.ErrDeadlineExceeded) && i%2 == 0 {
				timeouts++
			} else if err != nil {
				t.Fatal(err)
			}
			rest = rest[k:]
		}
		_ = from.SetWriteDeadline(time.Now().Add(20 * time.Second))
		if err := from.CloseWrite(); err != nil {
			t.Errorf("CloseWrite = %v", err)
		}
		if got := <-received; !bytes.Equal(got, data) {
			t.Errorf("from the client %v: %d other bytes arrived after %d time-outs", fromClient, len(got), timeouts)
		}
	}
}

// TestNothingWrittenIsNoFrame: a write that could not begin leaves nothing behind.
func TestNothingWrittenIsNoFrame(t *testing.T) {
	t.Parallel()
	c, below := raw(t, false)
	_ = c.SetWriteDeadline(time.Unix(1, 0))
	if n, err := c.Write([]byte("never")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write = %d, %v", n, err)
	}
	_ = c.SetWriteDeadline(time.Time{})
	write(t, c, []byte("hi"))
	wantNext(t, below, []byte{0x82, 2, 'h', 'i'})
}

func TestPings(t *testing.T) {
	t.Parallel()
	c, below := raw(t, false)
	go func() { _, _ = c.Read(make([]byte, 1)) }()
	write(t, below, []byte{0x89, 0x82, 0, 0, 0, 0, 'h', 'i'})
	wantNext(t, below, []byte{0x8a, 2, 'h', 'i'})
	write(t, below, []byte{0x89, 0x80, 0, 0, 0, 0})
	wantNext(t, below, []byte{0x8a, 0})
}

// TestPingFlood: a peer that pings and takes no answers holds up neither the reader nor
// memory, and whoever writes meanwhile is held up for its deadline only.
func TestPingFlood(t *testing.T) {
	t.Parallel()
	c, below := raw(t, false)
	ping := append([]byte{0x89, 0x80 | maxControl, 0, 0, 0, 0}, make([]byte, maxControl)...)
	go func() {
		for range 2000 { // answers to which would fill the pipe several times
			if _, err := below.Write(ping); err != nil {
				return
			}
		}
		_, _ = below.Write([]byte{0x82, 0x81, 0, 0, 0, 0, 'x'})
	}()
	wantNext(t, c, []byte("x"))
	_ = c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := c.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write = %v, want a time-out", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("Close = %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Close waits for a peer that takes nothing")
	}
}

// TestPongAfterFrame: a ping in the middle of a frame that is being written is answered
// behind it.
func TestPongAfterFrame(t *testing.T) {
	t.Parallel()
	c, below := raw(t, false)
	data := make([]byte, 100<<10)
	n := 0
	for patience := 10 * time.Millisecond; n == 0; patience *= 4 { // on a busy machine it may pass before the first byte
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		var err error
		if n, err = c.Write(data); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	write(t, below, []byte{0x89, 0x81, 0, 0, 0, 0, 'p', 0x82, 0x81, 0, 0, 0, 0, 'x'})
	wantNext(t, c, []byte("x"))
	if err := c.CloseWrite(); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("CloseWrite within a frame = %v", err)
	}
	_ = c.SetWriteDeadline(time.Time{})
	written := make(chan error, 1)
	go func() { _, err := c.Write(data[n:]); written <- err }()
	wantNext(t, below, binary.BigEndian.AppendUint64([]byte{0x82, 127}, uint64(len(data))))
	wantNext(t, below, data)
	wantNext(t, below, []byte{0x8a, 1, 'p'})
	if err := <-written; err != nil {
		t.Errorf("Write = %v", err)
	}
}

func TestCloseFrames(t *testing.T) {
	t.Parallel()
	t.Run("Close says that it is done", func(t *testing.T) {
		t.Parallel()
		c, below := raw(t, false)
		for range 2 {
			if err := c.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		}
		if got, err := io.ReadAll(below); err != nil || !bytes.Equal(got, []byte{0x88, 2, 3, 0xe8}) {
			t.Errorf("sent %x, %v", got, err)
		}
	})
	t.Run("a violation is told", func(t *testing.T) {
		t.Parallel()
		c, below := raw(t, false)
		write(t, below, []byte{0x82, 1, 'x'})
		if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "masked") {
			t.Errorf("Read = %v", err)
		}
		wantNext(t, below, []byte{0x88, 2, 3, 0xea})
	})
	t.Run("the reason is told", func(t *testing.T) {
		t.Parallel()
		c, below := raw(t, true)
		write(t, below, []byte{0x88, 4, 3, 0xf3, 'n', 'o'})
		_, err := c.Read(make([]byte, 1))
		var closed *CloseError
		if !errors.As(err, &closed) || closed.Code != 1011 || closed.Reason != "no" {
			t.Errorf("Read = %v", err)
		}
	})
	t.Run("CloseWrite leaves the other direction", func(t *testing.T) {
		t.Parallel()
		client, server := ends(t)
		write(t, client, []byte("question"))
		if err := client.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Write after CloseWrite = %v", err)
		}
		if got, err := io.ReadAll(server); err != nil || string(got) != "question" {
			t.Errorf("the server read %q, %v", got, err)
		}
		write(t, server, []byte("answer"))
		wantNext(t, client, []byte("answer"))
	})
}

func TestErrorsTellWhere(t *testing.T) {
	t.Parallel()
	c, _ := raw(t, true)
	_ = c.Close()
	_, err := c.Write([]byte("x"))
	if want := "write ws pipe-a->pipe-b: use of closed network connection"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read = %d, %v", n, err)
	}
}

// TestNoAllocation: bytes go through without any.
func TestNoAllocation(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector empties pools")
	}
	client, server := ends(t)
	b := make([]byte, 1000)
	got := testing.AllocsPerRun(1000, func() {
		_, _ = client.Write(b)
		_, _ = io.ReadFull(server, b)
		_, _ = server.Write(b)
		_, _ = io.ReadFull(client, b)
	})
	if got != 0 {
		t.Errorf("there and back allocates %v times, want 0", got)
	}
}

// TestCloseWriteEnds: a peer that pings and takes no answers does not hold up the end of a
// connection.
func TestCloseWriteEnds(t *testing.T) {
	t.Parallel()
	a, below := net.Pipe() // which keeps nothing
	defer below.Close()
	c := newConn(a, bufio.NewReaderSize(a, readBuffer), false).(*conn)
	defer c.Close()
	go func() { _, _ = below.Write([]byte{0x89, 0x81, 0, 0, 0, 0, 'p', 0x82, 0x81, 0, 0, 0, 0, 'x'}) }()
	wantNext(t, c, []byte("x"))
	ended := make(chan error, 1)
	go func() { ended <- c.CloseWrite() }()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("CloseWrite = %v, want a time-out", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("CloseWrite waits for a peer that takes nothing")
	}
}
