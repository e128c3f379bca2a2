// SPDX-License-Identifier: Apache-2.0

package transporttest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/nettest"
)

// testConn runs the standard suite. It asks for connections that go on after a write
// has timed out, which those of crypto/tls do not, so it runs in plain mode only.
func testConn(t *testing.T, r *rig) {
	if r.client.TLS != nil && !r.OwnTLS {
		t.Skip("a connection of crypto/tls ends with its first timeout of a write")
	}
	l := r.listen(t)
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		client, server, err := r.open(t, l)
		if err != nil {
			return nil, nil, nil, err
		}
		stop := func() {
			_ = client.Close()
			_ = server.Close()
		}
		return client, server, stop, nil
	})
}

// testTransfer sends much in both directions at once, in pieces of all sizes.
func testTransfer(t *testing.T, r *rig) {
	const size = 8 << 20
	client, server := r.pair(t)
	var wg sync.WaitGroup
	send := func(name string, c net.Conn, data []byte) {
		wg.Go(func() {
			for n, rest := 1, data; len(rest) > 0; n = n*3%200_003 + 1 {
				n = min(n, len(rest))
				if k, err := c.Write(rest[:n]); err != nil || k != n {
					t.Errorf("%s: Write of %d bytes = %d, %v", name, n, k, err)
					return
				}
				rest = rest[n:]
			}
		})
	}
	receive := func(name string, c net.Conn, want []byte) {
		wg.Go(func() {
			got := make([]byte, len(want))
			if n, err := io.ReadFull(c, got); err != nil {
				t.Errorf("%s: Read: %d of %d bytes, %v", name, n, len(want), err)
				return
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s: other bytes arrived", name)
			}
		})
	}
	up, down := noise(size, 1), noise(size, 2)
	send("client", client, up)
	receive("server", server, up)
	send("server", server, down)
	receive("client", client, down)
	wg.Wait()
}

// testHalfClose ends one direction and then answers in the other.
func testHalfClose(t *testing.T, r *rig) {
	client, server := r.pair(t)
	half, ok := client.(interface{ CloseWrite() error })
	if !ok {
		t.Skipf("%T has no CloseWrite", client)
	}
	exchange := func(from, to net.Conn, text string, end func() error) {
		t.Helper()
		if _, err := from.Write([]byte(text)); err != nil {
			t.Fatalf("Write: %v", err)
		}
		if err := end(); err != nil {
			t.Fatalf("CloseWrite or Close: %v", err)
		}
		if got, err := io.ReadAll(to); err != nil || string(got) != text {
			t.Errorf("the other side read %q, %v, want %q", got, err, text)
		}
	}
	exchange(client, server, "question", half.CloseWrite)
	if _, err := client.Write([]byte("more")); err == nil {
		t.Error("Write after CloseWrite: no error")
	}
	exchange(server, client, "answer", server.Close)
}

// testClose looks at the connection from both sides after one has closed it.
func testClose(t *testing.T, r *rig) {
	client, server := r.pair(t)
	if _, err := client.Write([]byte("last words")); err != nil {
		t.Fatalf("Write: %v", err)
	}
	if err := client.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if got, err := io.ReadAll(server); err != nil || string(got) != "last words" {
		t.Errorf("the peer read %q, %v, want what was written before Close", got, err)
	}
	if _, err := client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close: %v, want net.ErrClosed", err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v, want net.ErrClosed", err)
	}
	var err error
	for err == nil { // the first bytes may still be taken by a network that cannot know yet
		_, err = server.Write(make([]byte, 64<<10))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write to a peer that has closed: %v, want an error that says so", err)
	}
}

func testDeadline(t *testing.T, r *rig) {
	client, _ := r.pair(t)
	for _, d := range []time.Duration{-time.Hour, 0, 20 * time.Millisecond} {
		if err := client.SetReadDeadline(time.Now().Add(d)); err != nil {
			t.Fatalf("SetReadDeadline: %v", err)
		}
		_, err := client.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("Read with a deadline %v from now: %v, want os.ErrDeadlineExceeded", d, err)
		}
	}
}

func testAddresses(t *testing.T, r *rig) {
	l := r.listen(t)
	client, server := r.connect(t, l)
	for _, a := range []net.Addr{l.Addr(), client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr()} {
		if a == nil {
			t.Fatal("an address is nil")
		}
		if a.Network() != l.Addr().Network() {
			t.Errorf("address %v is of network %q, the listener of %q", a, a.Network(), l.Addr().Network())
		}
	}
	if got, want := client.RemoteAddr().String(), l.Addr().String(); got != want {
		t.Errorf("the client's remote address is %q, want the listener's, %q", got, want)
	}
	if got, want := server.LocalAddr().String(), l.Addr().String(); got != want {
		t.Errorf("the server's local address is %q, want the listener's, %q", got, want)
	}
	if got, want := server.RemoteAddr().String(), client.LocalAddr().String(); got != want {
		t.Errorf("the server's remote address is %q, want the client's local one, %q", got, want)
	}
}

// noise returns n random bytes, the same ones for the same seed.
func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}
