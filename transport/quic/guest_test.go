// SPDX-License-Identifier: Apache-2.0

package quic

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	quicgo "github.com/quic-go/quic-go"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// Connections that bring nothing are bounded, those with streams are their owner's to count.
func TestGuestsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 3
	ca := transporttest.NewCA(t)
	tr := New()
	tr.maxGuests = most
	l, err := tr.Listen(t.Context(), "quic", "127.0.0.1:0", transport.Settings{TLS: ca.Server()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); _ = tr.Close() })
	idle := func() (*quicgo.Conn, error) {
		config := ca.Client()
		config.NextProtos, config.ServerName, config.MinVersion = []string{protocolStreams}, "127.0.0.1", tls.VersionTLS13
		return quicgo.DialAddr(t.Context(), l.Addr().String(), config, &quicgo.Config{MaxIdleTimeout: 30 * time.Second})
	}
	accepted := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	busy, err := New().Dial(t.Context(), "quic", l.Addr().String(), transport.Settings{TLS: ca.Client()})
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	var conns []*quicgo.Conn
	for range most {
		c, err := idle()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	var refused *quicgo.TransportError
	if _, err := idle(); !errors.As(err, &refused) || refused.ErrorCode != quicgo.ConnectionRefused {
		t.Errorf("one too many: %v, want it to be refused", err)
	}
	_ = conns[0].CloseWithError(0, "")
	limit, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		c, err := idle()
		if err == nil {
			_ = c.CloseWithError(0, "")
			break
		}
		if limit.Err() != nil {
			t.Fatalf("a place is not free again: %v", err)
		}
	}
	for _, c := range conns[1:] {
		_ = c.CloseWithError(0, "")
	}
}

// Clients that have to prove where they are get in all the same.
func TestGuestsProveTheirAddress(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	tr := New()
	tr.doubtFrom = 0
	l, err := tr.Listen(t.Context(), "quic", "127.0.0.1:0", transport.Settings{TLS: ca.Server()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); _ = tr.Close() })
	go func() { _, _ = l.Accept() }()
	c, err := New().Dial(t.Context(), "quic", l.Addr().String(), transport.Settings{TLS: ca.Client()})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

// Who may not connect is refused before the handshake.
func TestNotPermitted(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	tr := New()
	deny := func(net.Addr) bool { return false }
	l, err := tr.Listen(t.Context(), "quic", "127.0.0.1:0", transport.Settings{TLS: ca.Server(), Permits: deny})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); _ = tr.Close() })
	_, err = New().Dial(t.Context(), "quic", l.Addr().String(), transport.Settings{TLS: ca.Client()})
	var refused *quicgo.TransportError
	if !errors.As(err, &refused) || refused.ErrorCode != quicgo.ConnectionRefused {
		t.Errorf("Dial = %v, want it to be refused", err)
	}
}
