// SPDX-License-Identifier: Apache-2.0

package udp_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/rpcx-go/rpcx/internal/udp"
)

func TestRoute(t *testing.T) {
	t.Parallel()
	remote, local, err := udp.Route(t.Context(), "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	if remote.String() != "127.0.0.1:9" || local.String() != "127.0.0.1:0" {
		t.Errorf("Route = %v from %v", remote, local)
	}
}

func TestRouteFails(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := udp.Route(ended, "localhost:9"); !errors.Is(err, context.Canceled) {
		t.Errorf("Route with an ended context: %v", err)
	}
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:no such port"} {
		if _, _, err := udp.Route(t.Context(), addr); err == nil {
			t.Errorf("Route to %q: no error", addr)
		}
	}
}

// TestListen: datagrams to the address that Listen shows arrive, from the one that
// Route tells.
func TestListen(t *testing.T) {
	t.Parallel()
	server, err := udp.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	remote, local, err := udp.Route(t.Context(), server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.ListenUDP("udp", local)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.WriteTo([]byte("hello"), remote); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	n, from, err := server.ReadFrom(b)
	if err != nil || string(b[:n]) != "hello" || from.String() != client.LocalAddr().String() {
		t.Errorf("received %q from %v, %v", b[:n], from, err)
	}
	if _, err := udp.Listen(t.Context(), server.LocalAddr().String()); err == nil {
		t.Error("Listen on a taken address: no error")
	}
}
