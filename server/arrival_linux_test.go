// SPDX-License-Identifier: Apache-2.0

package server

import (
	"io"
	"net"
	"testing"
	"time"
)

// What waited in the socket is known to have waited, and what came later is not.
func TestArrival(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			addr := "127.0.0.1:0"
			if network == "unix" {
				addr = t.TempDir() + "/s"
			}
			near, far := socketPair(t, network, addr)
			in := &inlet{Conn: near}
			const backlog = 8 << 10
			send(t, far, backlog)
			ticker := time.NewTicker(time.Millisecond) // there is nothing to wait on that would not read
			defer ticker.Stop()
			for unread(near) < backlog {
				<-ticker.C
			}
			read := func(n int) (time.Time, bool) {
				if _, err := io.ReadFull(in, make([]byte, n)); err != nil {
					t.Fatal(err)
				}
				return in.arrival()
			}
			read(1 << 10)
			in.waiting = in.waiting.Add(-askEvery) // the system may be asked again
			first := in.waiting
			send(t, far, 1<<10)
			for range 7 {
				if at, waited := read(1 << 10); !waited || !at.Equal(first) {
					t.Errorf("read from the socket: arrived at %v, waited %t, want %v", at, waited, first)
				}
			}
			if at, _ := read(1 << 10); !at.After(first) {
				t.Errorf("what came later counts as having come with the others")
			}
		})
	}
}

func socketPair(t *testing.T, network, addr string) (near, far net.Conn) {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var d net.Dialer
	if far, err = d.DialContext(t.Context(), network, ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if near, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func send(t *testing.T, nc net.Conn, n int) {
	t.Helper()
	if _, err := nc.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

// Where the system cannot be asked, nothing is said to wait.
func TestArrivalUnknown(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	in := &inlet{Conn: near}
	go func() { _, _ = far.Write(make([]byte, 100)) }()
	_, _ = io.ReadFull(in, make([]byte, 50))
	first, _ := in.arrival()
	_, _ = io.ReadFull(in, make([]byte, 20))
	if at, waited := in.arrival(); waited || at.Before(first) {
		t.Errorf("arrived at %v, waited %t", at, waited)
	}
}
