// SPDX-License-Identifier: Apache-2.0

package peerip_test

import (
	"net"
	"testing"

	"github.com/rpcx-go/rpcx/internal/peerip"
)

func TestCrowd(t *testing.T) {
	t.Parallel()
	at := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }
	c := peerip.NewCrowd(4, 2)
	for i, step := range []struct {
		addr  net.Addr
		leave bool
		room  bool
	}{
		{at("192.0.2.1"), false, true},
		{at("::ffff:192.0.2.1"), false, true},
		{at("192.0.2.1"), false, false},
		{at("192.0.2.1"), true, false},
		{at("2001:db8::1"), false, true},
		{&net.UnixAddr{Name: "@"}, false, true},
		{at("2001:db8::2"), false, false}, // the fifth
		{at("2001:db8::2"), true, false},
		{&net.UnixAddr{Name: "@"}, true, false},
		{at("2001:db8::3"), false, true},
		{at("192.0.2.1"), true, false},
		{at("2001:db8:0:1::"), false, true},
	} {
		if step.leave {
			c.Leave(step.addr)
		} else if got := c.Enter(step.addr); got != step.room {
			t.Errorf("step %d: room for %v: %v", i, step.addr, got)
		}
	}
	if c.Len() != 4 {
		t.Errorf("%d are there, want 4", c.Len())
	}
}
