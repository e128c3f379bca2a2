// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"net"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/middleware"
)

type textAddr string

func (textAddr) Network() string  { return "text" }
func (a textAddr) String() string { return string(a) }

func TestPeerIP(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		addr net.Addr
		want string
	}{
		{"IPv4", tcpAddr("192.0.2.1"), "192.0.2.1"},
		{"IPv4 written as IPv6", tcpAddr("::ffff:192.0.2.1"), "192.0.2.1"},
		{"IPv6", tcpAddr("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"},
		{"IPv6 next door", tcpAddr("2001:db8:1:2::9"), "2001:db8:1:2::/64"},
		{"IPv6 with a zone", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::/64"},
		{"UDP", &net.UDPAddr{IP: net.ParseIP("192.0.2.1"), Port: 1}, "192.0.2.1"},
		{"text", textAddr("192.0.2.1:80"), "192.0.2.1"},
		{"Unix", &net.UnixAddr{Name: "@", Net: "unix"}, ""},
		{"none", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &rpcx.Call{Peer: rpcx.Peer{Addr: tt.addr}}
			if got := middleware.PeerIP(t.Context(), c); got != tt.want {
				t.Errorf("PeerIP of %v = %q, want %q", tt.addr, got, tt.want)
			}
		})
	}
}

func TestOtherKeys(t *testing.T) {
	t.Parallel()
	c := &rpcx.Call{Header: rpcx.Pairs("tenant", "a")}
	if got := middleware.PeerMetadata("tenant")(t.Context(), c); got != "a" {
		t.Errorf("PeerMetadata: %q", got)
	}
	if got := middleware.PeerMetadata("other")(t.Context(), c); got != "" {
		t.Errorf("PeerMetadata of another key: %q", got)
	}
	if got := middleware.PeerCertificate(t.Context(), c); got != "" {
		t.Errorf("PeerCertificate without one: %q", got)
	}
	if got := middleware.OneKey(t.Context(), c); got != "" {
		t.Errorf("OneKey: %q", got)
	}
}
