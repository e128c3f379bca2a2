// SPDX-License-Identifier: Apache-2.0

// Package udp has what transports that run over UDP share: where a datagram to an
// address goes, and from which of the machine's addresses.
package udp

import (
	"context"
	"fmt"
	"net"
)

// Route resolves addr, a host and a port, as ctx allows. It returns the address, and
// the one of this machine that datagrams to it come from, with port 0. Nothing is sent.
func Route(ctx context.Context, addr string) (remote, local *net.UDPAddr, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", addr)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close() //nolint:errcheck // nothing was sent
	remote, _ = conn.RemoteAddr().(*net.UDPAddr)
	local, _ = conn.LocalAddr().(*net.UDPAddr)
	if remote == nil || local == nil {
		return nil, nil, fmt.Errorf("udp: the way to %s is not one of udp", addr)
	}
	return remote, &net.UDPAddr{IP: local.IP, Zone: local.Zone}, nil
}

// bufferSize is what a socket may hold of datagrams that nobody has taken yet: those of
// a burst on a fast line. The system may allow less.
const bufferSize = 4 << 20

// Listen listens on addr, a host and a port, as ctx allows.
func Listen(ctx context.Context, addr string) (*net.UDPConn, error) {
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return nil, err
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		_ = pc.Close() // nothing was received
		return nil, fmt.Errorf("udp: a %T listens on %s", pc, addr)
	}
	_ = conn.SetReadBuffer(bufferSize)  // it works with less, too
	_ = conn.SetWriteBuffer(bufferSize) // likewise
	return conn, nil
}
