// SPDX-License-Identifier: Apache-2.0

// Package peerip reads the IP address of the other end of a connection.
package peerip

import (
	"net"
	"net/netip"
)

// Of returns the IP address in addr, an IPv4 one as such however it is written. It
// reports false if there is none, as on a Unix socket.
func Of(addr net.Addr) (netip.Addr, bool) {
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

// Caller returns what stands for a single caller at addr: its IPv4 address, or the
// network of 64 bits that its IPv6 address is in, because a single caller has all of
// that. It is the zero Prefix for an address without an IP.
func Caller(addr net.Addr) netip.Prefix {
	ip, ok := Of(addr)
	if !ok {
		return netip.Prefix{}
	}
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	network, _ := ip.WithZone("").Prefix(bits) // both fit
	return network
}
