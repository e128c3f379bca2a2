// SPDX-License-Identifier: Apache-2.0

package kcp_test

import (
	"net"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/kcp"
)

// A connection that is closed at once is answered with no more than was sent: its address
// may be that of somebody who sent nothing.
func TestRefusalsAreShort(t *testing.T) {
	t.Parallel()
	config := kcp.Config{Cipher: kcp.NoCipher()}
	server := kcp.New(config)
	l, err := server.Listen(t.Context(), "kcp", "127.0.0.1:0", transport.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); _ = server.Close() })
	relay, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	client := kcp.New(config)
	c, err := client.Dial(t.Context(), "kcp", relay.LocalAddr().String(), transport.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = client.Close() })
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	packet := make([]byte, 2048)
	n, _, err := relay.ReadFrom(packet) // one packet, and then nothing of the client's
	if err != nil {
		t.Fatal(err)
	}
	if _, err := relay.WriteTo(packet[:n], l.Addr()); err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = accepted.Close()
	farewells, answered := 0, 0
	_ = relay.SetReadDeadline(time.Now().Add(1500 * time.Millisecond)) // longer than a connection takes to end
	for {
		k, from, err := relay.ReadFrom(packet)
		if err != nil {
			break
		}
		if from.String() == l.Addr().String() {
			farewells++
			answered += k
		}
	}
	if farewells == 0 || answered > 3*n {
		t.Errorf("%d packets of %d bytes for one of %d, want at least one and not more than three times as much", farewells, answered, n)
	}
}
