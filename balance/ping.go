// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/rpcx-go/rpcx/registry"
)

// pinger measures round trips for WeightedICMP.
type pinger struct {
	logger *slog.Logger
	listen func(netip.Addr) (net.PacketConn, target, error) // listenICMP
	once   sync.Once                                        // listen fails
}

// roundTrip sends an ICMP echo, or else opens a TCP connection.
func (p *pinger) roundTrip(ctx context.Context, in registry.Instance) (time.Duration, error) {
	host, _, err := net.SplitHostPort(in.Addr)
	if err != nil || in.Network == "unix" || in.Network == "mem" {
		return 0, nil //nolint:nilerr // a place that has no port is on this machine
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return 0, fmt.Errorf("balance: measure %s: %w", in.Key(), err)
	}
	if conn, to, err := p.listen(ips[0].Unmap()); err != nil {
		p.once.Do(func() {
			p.logger.Warn("ICMP is not permitted, measuring how long TCP connections take instead", "error", err)
		})
	} else if took, err := echo(ctx, conn, to); err == nil {
		return took, nil
	}
	return connect(ctx, in)
}

// connect returns how long a TCP connection takes. One that is refused has made the
// round trip too.
func connect(ctx context.Context, in registry.Instance) (time.Duration, error) {
	began := time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", in.Addr)
	took := time.Since(began)
	switch {
	case err == nil:
		return took, conn.Close()
	case errors.Is(err, syscall.ECONNREFUSED):
		return took, nil
	default:
		return 0, fmt.Errorf("balance: measure %s: %w", in.Key(), err)
	}
}

// target is where an echo goes, with the types of message that ICMP or ICMPv6 has for it.
type target struct {
	addr           net.Addr
	request, reply byte
}

// listenICMP opens a socket for echoes to a host: of the kind that the system may permit
// to everybody, or else of the one for the privileged.
func listenICMP(to netip.Addr) (net.PacketConn, target, error) {
	t, network := target{request: 8, reply: 0}, "ip4:icmp"
	if to.Is6() {
		t, network = target{request: 128, reply: 129}, "ip6:ipv6-icmp"
	}
	if conn, err := listenUnprivileged(to.Is6()); err == nil {
		t.addr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 0))
		return conn, t, nil
	}
	t.addr = &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}
	conn, err := net.ListenPacket(network, "") //nolint:noctx // opens a socket, waits for nothing
	return conn, t, err
}

// echo returns how long an ICMP echo takes. It closes conn. It waits for half of the
// time only, so that a connection can still be tried.
func echo(ctx context.Context, conn net.PacketConn, to target) (time.Duration, error) {
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(echoLimit / 2)); err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	message := echoMessage(to.request, rand.Uint64())
	began := time.Now()
	if _, err := conn.WriteTo(message, to.addr); err != nil {
		return 0, err
	}
	buf := make([]byte, 512)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return 0, err
		}
		if isReply(buf[:n], to.reply, message) {
			return time.Since(began), nil
		}
	}
}

// echoMessage is an echo request that carries a token. The kernel may replace its
// identifier, and fills in the checksum of ICMPv6.
func echoMessage(kind byte, token uint64) []byte {
	b := make([]byte, 16)
	b[0] = kind
	binary.BigEndian.PutUint32(b[4:], uint32(token>>16)) // identifier and sequence number
	binary.BigEndian.PutUint64(b[8:], token)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	return b
}

// isReply reports whether b, perhaps behind an IPv4 header, answers a request: other
// programs' echoes are heard too.
func isReply(b []byte, kind byte, request []byte) bool {
	if len(b) > 0 && b[0]>>4 == 4 && len(b) >= int(b[0]&15)*4 {
		b = b[int(b[0]&15)*4:]
	}
	return len(b) == len(request) && b[0] == kind && string(b[8:]) == string(request[8:])
}

// checksum is that of the Internet: the complement of the sum in ones' complement.
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
