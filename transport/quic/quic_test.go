// SPDX-License-Identifier: Apache-2.0

package quic_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/quic"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/transporttest/calltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newTransport returns one that must have ended when the test has.
func newTransport(t *testing.T) *quic.Transport {
	t.Helper()
	tr := quic.New()
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return tr
}

func TestConformance(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, setup)
}

func TestCalls(t *testing.T) {
	t.Parallel()
	calltest.Run(t, setup)
}

func setup(t *testing.T) transporttest.Config {
	return transporttest.Config{Transport: newTransport(t), Network: "quic", Addr: "127.0.0.1:0", OwnTLS: true, Datagrams: true}
}

// serve accepts and keeps connections.
func serve(t *testing.T, tr *quic.Transport, config *tls.Config) net.Listener {
	t.Helper()
	l, err := tr.Listen(t.Context(), "quic", "127.0.0.1:0", transport.Settings{TLS: config})
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		accepting.Wait()
	})
	return l
}

// TestStreamsShareAConnection: all of a client's connections to a server come from one
// socket, unless it speaks as real rpcx does.
func TestStreamsShareAConnection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, protocol string
		dials, want    int
	}{
		{"own peers", "", 8, 1},
		{"as real rpcx", "rpcx", 4, 4},
		{"more than one connection carries", "", 150, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ca, tr := transporttest.NewCA(t), newTransport(t)
			l := serve(t, tr, ca.Server())
			config := ca.Client()
			if tt.protocol != "" {
				config.NextProtos = []string{tt.protocol}
			}
			var dials sync.WaitGroup
			conns := make([]net.Conn, tt.dials)
			for i := range conns {
				dials.Go(func() {
					conn, err := tr.Dial(t.Context(), "quic", l.Addr().String(), transport.Settings{TLS: config})
					if err != nil {
						t.Error(err)
						return
					}
					conns[i] = conn
				})
			}
			dials.Wait()
			from := make(map[string]bool)
			for _, conn := range conns {
				if conn != nil {
					from[conn.LocalAddr().String()] = true
					defer conn.Close()
				}
			}
			if len(from) != tt.want {
				t.Errorf("%d connections come from %d sockets, want %d", tt.dials, len(from), tt.want)
			}
		})
	}
}

// TestVerification: who gives no settings trusts the system's authorities, and nobody
// else; a protocol that is not rpcx's is refused.
func TestVerification(t *testing.T) {
	t.Parallel()
	ca, tr := transporttest.NewCA(t), newTransport(t)
	l := serve(t, tr, ca.Server())
	var unknown x509.UnknownAuthorityError
	if _, err := tr.Dial(t.Context(), "quic", l.Addr().String(), transport.Settings{}); !errors.As(err, &unknown) {
		t.Errorf("Dial without settings: %v, want x509.UnknownAuthorityError", err)
	}
	config := ca.Client()
	config.NextProtos = []string{"h3"}
	if conn, err := tr.Dial(t.Context(), "quic", l.Addr().String(), transport.Settings{TLS: config}); err == nil {
		t.Error("Dial with another protocol: no error")
		_ = conn.Close()
	}
	if l, err := tr.Listen(t.Context(), "quic", "127.0.0.1:0", transport.Settings{}); err == nil {
		t.Error("Listen without settings: no error")
		_ = l.Close()
	}
}

// TestConfigForClient: settings that are chosen for a client get the protocols, too.
func TestConfigForClient(t *testing.T) {
	t.Parallel()
	ca, tr := transporttest.NewCA(t), newTransport(t)
	chosen := ca.Server()
	l := serve(t, tr, &tls.Config{ //nolint:gosec // the transport sets the version
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen, nil },
	})
	conn, err := tr.Dial(t.Context(), "quic", l.Addr().String(), transport.Settings{TLS: ca.Client()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if chosen.NextProtos != nil {
		t.Error("the settings that were chosen have changed")
	}
}
