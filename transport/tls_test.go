// SPDX-License-Identifier: Apache-2.0

package transport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := mem.New().Listen(t.Context(), "mem", "", transport.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestPlainStaysAsItIs(t *testing.T) {
	t.Parallel()
	var s transport.Settings
	a, b := mem.Pipe()
	defer a.Close()
	defer b.Close()
	if got, err := s.ClientTLS(t.Context(), a, "host"); got != a || err != nil {
		t.Errorf("ClientTLS = %v, %v, want the connection itself", got, err)
	}
	l := listen(t)
	if got, err := s.ServerTLS(l); got != l || err != nil {
		t.Errorf("ServerTLS = %v, %v, want the listener itself", got, err)
	}
}

func TestServerTLSNeedsACertificate(t *testing.T) {
	t.Parallel()
	l := listen(t)
	_, err := transport.Settings{TLS: &tls.Config{}}.ServerTLS(l) //nolint:gosec // refused anyway
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v, want one that says what is missing", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v, want a closed listener", err)
	}
}

// TestServerTLSTakesCallbacks: a certificate may be chosen later, too.
func TestServerTLSTakesCallbacks(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]*tls.Config{
		"GetCertificate":     {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}, //nolint:nilnil,gosec // not called
		"GetConfigForClient": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }},  //nolint:nilnil,gosec // not called
	} {
		if _, err := (transport.Settings{TLS: config}).ServerTLS(listen(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestServerTLSDeadline: Accept is bounded where the listener below can be.
func TestServerTLSDeadline(t *testing.T) {
	t.Parallel()
	type deadliner interface{ SetDeadline(t time.Time) error }
	settings := transport.Settings{TLS: transporttest.NewCA(t).Server()}

	below, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := settings.ServerTLS(below)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.(deadliner).SetDeadline(time.Now()); err != nil {
		t.Errorf("SetDeadline over tcp: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Accept = %v, want os.ErrDeadlineExceeded", err)
	}

	l, err = settings.ServerTLS(listen(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.(deadliner).SetDeadline(time.Now()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SetDeadline over mem: %v, want errors.ErrUnsupported", err)
	}
}

// TestClientTLSName: the settings' name goes before the address's.
func TestClientTLSName(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	tests := []struct {
		name, settings, host string
		ok                   bool
	}{
		{"by the address", "", "localhost", true},
		{"by an IP address", "", "127.0.0.1", true},
		{"by the settings", "localhost", "elsewhere.example", true},
		{"wrong in the settings", "elsewhere.example", "localhost", false},
		{"wrong in the address", "", "elsewhere.example", false},
		{"none", "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, server := mem.Pipe()
			defer server.Close()
			done := make(chan error, 1)
			go func() { done <- tls.Server(server, ca.Server()).Handshake() }()
			config := ca.Client()
			config.ServerName = tt.settings
			conn, err := transport.Settings{TLS: config}.ClientTLS(t.Context(), client, tt.host)
			if (err == nil) != tt.ok {
				t.Errorf("error %v, want success: %v", err, tt.ok)
			}
			if config.ServerName != tt.settings {
				t.Errorf("the settings now name %q", config.ServerName)
			}
			if err != nil {
				if conn != nil {
					t.Errorf("a %T with the error, want nil", conn)
				}
				if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Read = %v, want a closed connection", err)
				}
			} else {
				defer conn.Close()
			}
			<-done
		})
	}
}

// TestClientTLSEndsWithContext: nobody answers.
func TestClientTLSEndsWithContext(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	client, server := mem.Pipe()
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = server.Read(make([]byte, 1)) // the handshake has begun
		cancel()
	}()
	_, err := transport.Settings{TLS: ca.Client()}.ClientTLS(ctx, client, "localhost")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ClientTLS = %v, want context.Canceled", err)
	}
	if _, err := io.Copy(io.Discard, server); err != nil {
		t.Errorf("the peer read until %v, want the end", err)
	}
}
