// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/server"
)

// sockopt returns an option of the socket below a connection.
func sockopt(t *testing.T, nc net.Conn, level, option int) int {
	t.Helper()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value int
	var serr error
	if err := raw.Control(func(fd uintptr) { value, serr = syscall.GetsockoptInt(int(fd), level, option) }); err != nil || serr != nil {
		t.Fatal(err, serr)
	}
	return value
}

// R6: TCP keep-alive is on by default, and can be set and switched off.
func TestR6_KeepAliveTakesEffect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts []server.Option
		idle int // seconds; 0: off
	}{
		"default": {nil, 180},
		"set":     {[]server.Option{server.WithTCPKeepAlive(42 * time.Second)}, 42},
		"off":     {[]server.Option{server.WithTCPKeepAlive(-1)}, 0},
	} {
		w := onTCP(t, c.opts...)
		w.dial(t)
		nc := w.onlyConn().NetConn()
		if on := sockopt(t, nc, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) != 0; on != (c.idle > 0) {
			t.Errorf("%s: keep-alive is on: %t", name, on)
		}
		if c.idle == 0 {
			continue
		}
		if got := sockopt(t, nc, syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE); got != c.idle {
			t.Errorf("%s: a probe after %d s, want %d", name, got, c.idle)
		}
		if sockopt(t, nc, syscall.IPPROTO_TCP, syscall.TCP_NODELAY) == 0 {
			t.Errorf("%s: Nagle's algorithm is on", name)
		}
	}
}
