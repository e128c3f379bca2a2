// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/server"
)

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestIPListPermits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		allow, block []netip.Prefix
		addr         net.Addr
		want         bool
	}{
		{"no lists", nil, nil, tcpAddr("192.0.2.1"), true},
		{"no lists, no address", nil, nil, &net.UnixAddr{}, true},
		{"allowed", prefixes("192.0.2.0/24"), nil, tcpAddr("192.0.2.1"), true},
		{"not allowed", prefixes("192.0.2.0/24"), nil, tcpAddr("198.51.100.1"), false},
		{"not allowed, no address", prefixes("192.0.2.0/24"), nil, &net.UnixAddr{}, false},
		{"blocked", nil, prefixes("192.0.2.1/32"), tcpAddr("192.0.2.1"), false},
		{"not blocked", nil, prefixes("192.0.2.1/32"), tcpAddr("192.0.2.2"), true},
		{"not blocked, no address", nil, prefixes("192.0.2.1/32"), &net.UnixAddr{}, true},
		{"blocked though allowed", prefixes("192.0.2.0/24"), prefixes("192.0.2.1/32"), tcpAddr("192.0.2.1"), false},
		{"an IPv4 peer of an IPv6 socket", nil, prefixes("192.0.2.1/32"), tcpAddr("::ffff:192.0.2.1"), false},
		{"an IPv4 network written as IPv6", nil, prefixes("::ffff:192.0.2.0/120"), tcpAddr("192.0.2.1"), false},
		{"IPv6", prefixes("2001:db8::/32"), nil, tcpAddr("2001:db8::1"), true},
		{"IPv6 with a zone", nil, prefixes("fe80::/10"), &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, false},
		{"the other family", prefixes("0.0.0.0/0"), nil, tcpAddr("2001:db8::1"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := middleware.NewIPList(middleware.IPListConfig{Allow: tt.allow, Block: tt.block, Logger: quiet()})
			if got := l.Permits(tt.addr); got != tt.want {
				t.Errorf("permits %v: %v", tt.addr, got)
			}
		})
	}
}

func TestIPListInterceptor(t *testing.T) {
	t.Parallel()
	var log lines
	l := middleware.NewIPList(middleware.IPListConfig{Block: prefixes("192.0.2.1/32"), Logger: log.logger()})
	call := around(l.Interceptor(), succeed)
	wantRefused(t, call(t.Context(), served("192.0.2.1")), rpcx.PermissionDenied)
	if got := log.take(t); len(got) != 1 || got[0]["method"] != "Arith.Mul" {
		t.Errorf("logged %v", got)
	}
	if err := call(t.Context(), served("192.0.2.2")); err != nil {
		t.Error(err)
	}
	l.Set(nil, nil)
	if err := call(t.Context(), served("192.0.2.1")); err != nil {
		t.Errorf("after it was taken off the list: %v", err)
	}
}

func TestIPListListener(t *testing.T) {
	t.Parallel()
	l := middleware.NewIPList(middleware.IPListConfig{Allow: prefixes("192.0.2.0/24"), Logger: quiet()})
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := server.NewServer(server.WithLogger(quiet()))
	if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.ServeListener("tcp", l.Listener(ln)) }()
	defer func() {
		s.Close()
		<-done
	}()
	call := func() error {
		d := client.NewPeer2PeerDiscovery("tcp@"+ln.Addr().String(), "")
		x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.Option{ConnectTimeout: patience, Logger: quiet()})
		defer x.Close()
		return x.Call(t.Context(), "Mul", &Args{6, 7}, new(Reply))
	}
	if err := call(); rpcx.CodeOf(err) != rpcx.Unavailable {
		t.Errorf("a peer that is not allowed gets %v", err)
	}
	l.Set(prefixes("127.0.0.0/8"), nil)
	if err := call(); err != nil {
		t.Errorf("after it was allowed: %v", err)
	}
}
