// SPDX-License-Identifier: Apache-2.0

package peerip_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/rpcx-go/rpcx/internal/peerip"
)

// text is an address of a transport that is not in package net.
type text string

func (text) Network() string  { return "other" }
func (t text) String() string { return string(t) }

func TestOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		addr         net.Addr
		want, caller string // "": none
	}{
		{"IPv4", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9}, "192.0.2.1", "192.0.2.1/32"},
		{"IPv4 in four bytes", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1).To4(), Port: 9}, "192.0.2.1", "192.0.2.1/32"},
		{"IPv6", &net.TCPAddr{IP: net.ParseIP("2001:db8::1:2"), Port: 9}, "2001:db8::1:2", "2001:db8::/64"},
		{"IPv6 with a zone", &net.UDPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::1%eth0", "fe80::/64"},
		{"another transport", text("[::ffff:192.0.2.1]:80"), "192.0.2.1", "192.0.2.1/32"},
		{"a name", text("localhost:80"), "", ""},
		{"Unix socket", &net.UnixAddr{Name: "/run/x", Net: "unix"}, "", ""},
		{"TCP without an address", &net.TCPAddr{}, "", ""},
		{"nothing", nil, "", ""},
	} {
		ip, ok := peerip.Of(tt.addr)
		if ok != (tt.want != "") || ok && ip.String() != tt.want {
			t.Errorf("%s: Of is %v, %v, want %q", tt.name, ip, ok, tt.want)
		}
		caller := peerip.Caller(tt.addr)
		if caller.IsValid() != (tt.caller != "") || caller.IsValid() && caller != netip.MustParsePrefix(tt.caller) {
			t.Errorf("%s: Caller is %v, want %q", tt.name, caller, tt.caller)
		}
	}
}
