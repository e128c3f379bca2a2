// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"net"
	"net/netip"

	"github.com/rpcx-go/rpcx"
)

// PeerIP returns the address of the peer of a call, for IPv6 the network of 64 bits
// that it is in, because a single caller has all of that. Peers without an IP address
// are all "".
func PeerIP(_ context.Context, c *rpcx.Call) string {
	ip, ok := addrIP(c.Peer.Addr)
	switch {
	case !ok:
		return ""
	case ip.Is4():
		return ip.String()
	default:
		network, _ := ip.WithZone("").Prefix(64)
		return network.String()
	}
}

// PeerCertificate returns the identity that CertificateIdentity finds, "" if none.
func PeerCertificate(_ context.Context, c *rpcx.Call) string { return certificateName(c.Peer.TLS) }

// PeerMetadata returns a function that returns what calls carry under a key. Callers
// choose it: use it where they are trusted, or behind a gateway that sets it.
func PeerMetadata(key string) func(ctx context.Context, c *rpcx.Call) string {
	return func(_ context.Context, c *rpcx.Call) string { return c.Header.Get(key) }
}

// OneKey returns the same for all calls.
func OneKey(context.Context, *rpcx.Call) string { return "" }

// addrIP returns the IP address of a peer. An IPv4 address is one however it is written.
func addrIP(addr net.Addr) (netip.Addr, bool) {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return unmapped(a.AddrPort().Addr())
	case *net.UDPAddr:
		return unmapped(a.AddrPort().Addr())
	case nil:
		return netip.Addr{}, false
	}
	port, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Addr{}, false
	}
	return unmapped(port.Addr())
}

func unmapped(ip netip.Addr) (netip.Addr, bool) {
	ip = ip.Unmap()
	return ip, ip.IsValid()
}
