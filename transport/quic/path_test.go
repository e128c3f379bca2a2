// SPDX-License-Identifier: Apache-2.0

package quic_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// relay is between one client and a server, as an address translator is.
type relay struct {
	t      *testing.T
	front  *net.UDPConn
	pumps  sync.WaitGroup
	mu     sync.Mutex
	client net.Addr
	back   *net.UDPConn // to the server
}

func newRelay(t *testing.T, server net.Addr) *relay {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, front: front}
	r.lead(server)
	r.pumps.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := front.ReadFrom(b)
			if err != nil {
				return
			}
			r.mu.Lock()
			r.client = from
			_, _ = r.back.Write(b[:n]) // datagrams may get lost
			r.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = front.Close()
		_ = r.back.Close()
		r.pumps.Wait()
	})
	return r
}

// lead makes the relay pass on what comes to a server, from another address than before.
func (r *relay) lead(server net.Addr) {
	r.t.Helper()
	back, err := net.DialUDP("udp", nil, server.(*net.UDPAddr))
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.back != nil {
		_ = r.back.Close()
	}
	r.back = back
	r.pumps.Go(func() {
		b := make([]byte, 2048)
		for {
			n, err := back.Read(b)
			if errors.Is(err, syscall.ECONNREFUSED) {
				continue
			}
			if err != nil {
				return
			}
			r.mu.Lock()
			_, _ = r.front.WriteTo(b[:n], r.client) // datagrams may get lost
			r.mu.Unlock()
		}
	})
}

// echo serves the listener's next connection.
func echo(t *testing.T, l net.Listener) {
	t.Helper()
	var serving sync.WaitGroup
	accepted := make(chan net.Conn, 1)
	serving.Go(func() {
		defer close(accepted)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		accepted <- conn
		_, _ = io.Copy(conn, conn) // the client sees what comes back
	})
	t.Cleanup(func() {
		_ = l.Close()
		if conn := <-accepted; conn != nil {
			_ = conn.Close() // the client may have been led elsewhere
		}
		serving.Wait()
	})
}

func ping(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Fatalf("Write: %v", err)
	}
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "ping" {
		t.Fatalf("read %q, %v", got, err)
	}
}

// TestAddressChange: a client whose packets come from another address than before, as
// after a change of networks, keeps its connection.
func TestAddressChange(t *testing.T) {
	t.Parallel()
	ca, tr := transporttest.NewCA(t), newTransport(t)
	l, err := tr.Listen(t.Context(), "quic", "127.0.0.1:0", transport.Settings{TLS: ca.Server()})
	if err != nil {
		t.Fatal(err)
	}
	echo(t, l)
	r := newRelay(t, l.Addr())
	conn, err := tr.Dial(t.Context(), "quic", r.front.LocalAddr().String(), transport.Settings{TLS: ca.Client()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 3 {
		ping(t, conn)
		r.lead(l.Addr())
	}
	ping(t, conn)
}

// TestRestartedServer: one that knows nothing of a connection says so, if it has the
// certificate of the one that did. The client need not wait for the idle timeout.
func TestRestartedServer(t *testing.T) {
	t.Parallel()
	ca, tr := transporttest.NewCA(t), newTransport(t)
	settings := transport.Settings{TLS: ca.Server()}
	var listeners [2]net.Listener
	for i := range listeners {
		l, err := tr.Listen(t.Context(), "quic", "127.0.0.1:0", settings)
		if err != nil {
			t.Fatal(err)
		}
		echo(t, l)
		listeners[i] = l
	}
	r := newRelay(t, listeners[0].Addr())
	conn, err := tr.Dial(t.Context(), "quic", r.front.LocalAddr().String(), transport.Settings{TLS: ca.Client()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ping(t, conn)
	r.lead(listeners[1].Addr())
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("Read = %v, want that the connection is gone", err)
	}
}
