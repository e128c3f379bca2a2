// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

func TestConformanceReusePort(t *testing.T) {
	transporttest.Run(t, func(*testing.T) transporttest.Config {
		return transporttest.Config{Transport: New(), Network: "reuseport", Addr: "127.0.0.1:0", SharesAddr: true}
	})
}

// option returns what the kernel says about a connection.
func option(t *testing.T, c net.Conn, level, name int) int {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value int
	var failed error
	if err := raw.Control(func(fd uintptr) {
		value, failed = syscall.GetsockoptInt(int(fd), level, name)
	}); err != nil || failed != nil {
		t.Fatal(errors.Join(err, failed))
	}
	return value
}

func TestSocketOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		period         time.Duration
		client, server int // seconds; 0: off
	}{
		{"defaults", 0, 60, 180},
		{"own period", 7 * time.Second, 7, 7},
		{"off", -1, 0, 0},
	}
	for _, network := range []string{"tcp", "reuseport"} {
		for _, tt := range tests {
			t.Run(network+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				s := transport.Settings{KeepAlive: tt.period}
				dialled, accepted := link{network: network, addr: "127.0.0.1:0", client: s, server: s}.open(t)
				checkOptions(t, "client", dialled, tt.client)
				checkOptions(t, "server", accepted, tt.server)
			})
		}
	}
}

func checkOptions(t *testing.T, side string, c net.Conn, seconds int) {
	t.Helper()
	if option(t, c, syscall.IPPROTO_TCP, syscall.TCP_NODELAY) == 0 {
		t.Errorf("%s: TCP_NODELAY is off", side)
	}
	on := option(t, c, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) != 0
	if on != (seconds > 0) {
		t.Errorf("%s: SO_KEEPALIVE is %v, want %v", side, on, seconds > 0)
	}
	if !on {
		return
	}
	for _, o := range []struct {
		name         string
		number, want int
	}{
		{"TCP_KEEPIDLE", syscall.TCP_KEEPIDLE, seconds},
		{"TCP_KEEPINTVL", syscall.TCP_KEEPINTVL, seconds},
		{"TCP_KEEPCNT", syscall.TCP_KEEPCNT, keepAliveProbes},
	} {
		if got := option(t, c, syscall.IPPROTO_TCP, o.number); got != o.want {
			t.Errorf("%s: %s is %d, want %d", side, o.name, got, o.want)
		}
	}
}

// TestReusePortShares lets two listeners have one port and dials until both have got a
// connection. Each goes to either with even chances, so one that gets none of 200 is
// not served at all.
func TestReusePortShares(t *testing.T) {
	t.Parallel()
	ctx, none := t.Context(), transport.Settings{}
	first, err := New().Listen(ctx, "reuseport", "127.0.0.1:0", none)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	addr := first.Addr().String()
	second, err := New().Listen(ctx, "reuseport", addr, none)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if first.Addr().Network() != "tcp" {
		t.Errorf("the listener's network is %q, want tcp, as clients say it", first.Addr().Network())
	}

	got := make(chan int)
	for i, l := range []net.Listener{first, second} {
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conn.Close()
				got <- i
			}
		}()
	}
	var counts [2]int
	for n := 0; n < 200 && (counts[0] == 0 || counts[1] == 0); n++ {
		conn, err := New().Dial(ctx, "tcp", addr, none)
		if err != nil {
			t.Fatal(err)
		}
		counts[<-got]++
		conn.Close()
	}
	if counts[0] == 0 || counts[1] == 0 {
		t.Errorf("the listeners got %v connections, want some each", counts)
	}

	if l, err := New().Listen(ctx, "tcp", addr, none); err == nil {
		t.Error("a tcp listener on the shared port: no error")
		l.Close()
	}

	first.Close()
	conn, err := New().Dial(ctx, "reuseport", addr, none)
	if err != nil {
		t.Fatalf("with one of the listeners gone: %v", err)
	}
	conn.Close()
	if i := <-got; i != 1 {
		t.Errorf("listener %d got the connection, want the one that is left", i)
	}
}
