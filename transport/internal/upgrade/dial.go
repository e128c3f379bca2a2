// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/rpcx-go/rpcx/transport"
)

// Keep-alive of connections whose settings name no period: as in package tcp.
const (
	clientKeepAlive = time.Minute
	serverKeepAlive = 3 * time.Minute
	keepAliveProbes = 3
)

func keepAlive(period, otherwise time.Duration) net.KeepAliveConfig {
	if period < 0 {
		return net.KeepAliveConfig{}
	}
	if period == 0 {
		period = otherwise
	}
	return net.KeepAliveConfig{Enable: true, Idle: period, Interval: period, Count: keepAliveProbes}
}

// Split cuts an address into host and port, and the path that follows them.
func Split(addr string) (hostPort, path string) {
	if i := strings.IndexByte(addr, '/'); i >= 0 {
		return addr[:i], addr[i:]
	}
	return addr, ""
}

// CheckPath says what is wrong with the path of an HTTP request.
func CheckPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("path %q does not begin with a slash", path)
	}
	for _, c := range []byte(path) {
		if c <= ' ' || c >= 0x7f || c == '?' || c == '#' {
			return fmt.Errorf("path %q has a character that must be escaped", path)
		}
	}
	return nil
}

// Dial connects to hostPort by TCP, and by TLS if the settings say so, and greets the
// other side. All that ends with ctx, and the greeting after Timeout at the latest. On
// an error the connection is closed.
func Dial(ctx context.Context, hostPort string, s transport.Settings, greet func(net.Conn) error) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1, KeepAliveConfig: keepAlive(s.KeepAlive, clientKeepAlive)}
	conn, err := d.DialContext(ctx, "tcp", hostPort)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	host, _, _ := net.SplitHostPort(hostPort) // the dialer took it
	conn, err = s.ClientTLS(ctx, conn, host)
	if err != nil {
		return nil, err
	}
	if err := within(ctx, conn, greet); err != nil {
		_ = conn.Close() // the greeting's error says more
		return nil, err
	}
	return conn, nil
}

// within greets as long as ctx allows. The connection has no deadline afterwards.
func within(ctx context.Context, conn net.Conn, greet func(net.Conn) error) error {
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(time.Unix(1, 0)) // on a closed connection greet ends anyway
	})
	err := greet(conn)
	if !stop() {
		return fmt.Errorf("greeting of %s: %w", conn.RemoteAddr(), errors.Join(context.Cause(ctx), err))
	}
	return err
}

// Listen listens by TCP, and by TLS if the settings say so.
func Listen(ctx context.Context, addr string, s transport.Settings) (net.Listener, error) {
	if _, path := Split(addr); path != "" {
		return nil, fmt.Errorf("listen on %s: the path is a matter of the transport's configuration, not of the address", addr)
	}
	lc := net.ListenConfig{KeepAlive: -1, KeepAliveConfig: keepAlive(s.KeepAlive, serverKeepAlive)}
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if s.Permits != nil {
		l = door{l, s.Permits}
	}
	return s.ServerTLS(l)
}

// door is a listener that closes the connections of those who may not come in.
type door struct {
	net.Listener

	permits func(net.Addr) bool
}

// Accept implements net.Listener.
func (d door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil || d.permits(conn.RemoteAddr()) {
			return conn, err
		}
		_ = conn.Close() // nothing was said on it
	}
}
