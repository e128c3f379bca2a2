// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"bytes"
	"context"
	"encoding/hex"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/registry"
)

func forbidden(netip.Addr) (net.PacketConn, target, error) {
	return nil, target{}, os.NewSyscallError("socket", os.ErrPermission)
}

// logged is a logger into a buffer.
func logged() (*slog.Logger, *bytes.Buffer) {
	var buf bytes.Buffer
	return slog.New(slog.NewTextHandler(&buf, nil)), &buf
}

// Where ICMP is not permitted a connection is measured, and the log says so once.
func TestPingerWithoutICMP(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := l.Addr().String()
	logger, log := logged()
	p := &pinger{logger: logger, listen: forbidden}
	measure := func(network, addr string) (time.Duration, error) {
		return p.roundTrip(t.Context(), registry.Instance{Network: network, Addr: addr})
	}
	for range 3 {
		if took, err := measure("tcp", open); err != nil || took <= 0 {
			t.Errorf("a server that listens: %v, %v", took, err)
		}
	}
	l.Close()
	if took, err := measure("quic", open); err != nil || took <= 0 {
		t.Errorf("a host that refuses TCP: %v, %v", took, err)
	}
	if n := strings.Count(log.String(), "ICMP is not permitted"); n != 1 {
		t.Errorf("the log says it %d times: %s", n, log)
	}
	for _, in := range []string{"unix@/run/arith.sock", "mem@arith"} {
		network, addr, _ := strings.Cut(in, "@")
		if took, err := measure(network, addr); err != nil || took != 0 {
			t.Errorf("%s: %v, %v, want 0", in, took, err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if took, err := p.roundTrip(canceled, registry.Instance{Network: "tcp", Addr: "localhost:1"}); err == nil {
		t.Errorf("measured %v though the context has ended", took)
	}
}

// The same with ICMP, where this machine permits it.
func TestPingerWithICMP(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "::1"} {
		conn, to, err := listenICMP(netip.MustParseAddr(host))
		if err != nil {
			t.Logf("%s: %v", host, err)
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), echoLimit)
		took, err := echo(ctx, conn, to)
		cancel()
		if err != nil {
			t.Logf("%s does not answer: %v", host, err) // it may be told not to
		} else if took <= 0 {
			t.Errorf("%s: %v", host, took)
		}
	}
}

// An echo, as it is known from elsewhere, and what answers it.
func TestEcho(t *testing.T) {
	t.Parallel()
	request := echoMessage(8, 0x0102030405060708)
	if got, want := hex.EncodeToString(request), "0800dfe1030405060102030405060708"; got != want {
		t.Errorf("request is %s, want %s", got, want)
	}
	if checksum(request) != 0 {
		t.Error("the checksum does not make the sum 0")
	}
	reply := append([]byte{0, 0}, request[2:]...)
	with := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(reply)) }
	header := append([]byte{0x45}, make([]byte, 19)...)
	for name, tt := range map[string]struct {
		b    []byte
		want bool
	}{
		"reply":                 {reply, true},
		"behind an IP header":   {append(header, reply...), true},
		"another identifier":    {with(func(b []byte) []byte { b[4]++; return b }), true},
		"the request":           {request, false},
		"another token":         {with(func(b []byte) []byte { b[15]++; return b }), false},
		"longer":                {with(func(b []byte) []byte { return append(b, 0) }), false},
		"shorter":               {reply[:15], false},
		"a header and no more":  {header, false},
		"less than the header":  {header[:3], false},
		"nothing":               {nil, false},
		"a header of no length": {[]byte{0x40}, false},
	} {
		if got := isReply(tt.b, 0, request); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
