// SPDX-License-Identifier: Apache-2.0

// Package unix is the transport of network "unix": stream sockets in the file system,
// between processes of one machine.
//
//	transports := transport.NewSet(tcp.New(), unix.New())
//
// An address is a path, such as /run/arith.sock, or on Linux an abstract name behind
// an @, such as @arith. Who may connect is up to the permissions of the folder that
// the socket is in.
//
// TLS works when both sides set it; the client's settings then name the server, for
// the address has no host. Real rpcx speaks plain on this network and cannot.
package unix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/rpcx-go/rpcx/transport"
)

// Transport is the Unix socket transport. The zero value is ready for use.
type Transport struct{}

var _ transport.Transport = Transport{}

// New returns the Unix socket transport.
func New() Transport { return Transport{} }

// Networks returns "unix".
func (Transport) Networks() []string { return []string{"unix"} }

// Dial connects to the socket at addr. KeepAlive has no effect: the kernel of the one
// machine tells at once when the peer is gone.
func (Transport) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return s.ClientTLS(ctx, conn, "")
}

// Listen makes a socket at addr, which the listener's Close removes. A socket that is
// there and nobody answers on, left by a process that died, is replaced; any other
// file is not touched.
func (t Transport) Listen(ctx context.Context, network, addr string, s transport.Settings) (net.Listener, error) {
	if err := check(network); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, network, addr)
	if errors.Is(err, syscall.EADDRINUSE) && t.stale(ctx, addr) {
		if err := os.Remove(addr); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("unix: replace the stale socket: %w", err)
		}
		l, err = lc.Listen(ctx, network, addr)
	}
	if err != nil {
		return nil, err
	}
	return s.ServerTLS(l)
}

// stale reports whether path is a socket file without a listener.
func (t Transport) stale(ctx context.Context, path string) bool {
	if strings.HasPrefix(path, "@") {
		return false // an abstract name lives as long as its listener
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSocket == 0 {
		return false
	}
	conn, err := t.Dial(ctx, "unix", path, transport.Settings{})
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	_ = conn.Close() // it has shown that somebody answers
	return false
}

func check(network string) error {
	if network != "unix" {
		return fmt.Errorf("unix: %w", net.UnknownNetworkError(network))
	}
	return nil
}
