// SPDX-License-Identifier: Apache-2.0

package tcp

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	for _, network := range []string{"tcp", "tcp4"} {
		t.Run(network, func(t *testing.T) {
			transporttest.Run(t, func(*testing.T) transporttest.Config {
				return transporttest.Config{Transport: New(), Network: network, Addr: "127.0.0.1:0"}
			})
		})
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	want := []string{"tcp", "tcp4", "tcp6", "reuseport"}
	if got := New().Networks(); !slices.Equal(got, want) {
		t.Errorf("Networks() = %q, want %q", got, want)
	}
	set := transport.NewSet(New())
	for _, n := range want {
		if _, err := set.Lookup(n); err != nil {
			t.Errorf("Lookup(%q): %v", n, err)
		}
	}
}

func TestUnknownNetwork(t *testing.T) {
	t.Parallel()
	_, err := New().Dial(t.Context(), "udp", "127.0.0.1:1", transport.Settings{})
	var unknown net.UnknownNetworkError
	if !errors.As(err, &unknown) || !strings.HasPrefix(err.Error(), "tcp: ") || !strings.Contains(err.Error(), "udp") {
		t.Errorf("Dial of udp: %v, want an error of package tcp that names the network", err)
	}
}

// link is what two ends of a connection are made with.
type link struct {
	network, addr  string
	host           string // to dial instead of the listener's address; the port is its
	client, server transport.Settings
}

// open returns the two ends of a connection.
func (k link) open(t *testing.T) (dialled, accepted net.Conn) {
	t.Helper()
	l, err := New().Listen(t.Context(), k.network, k.addr, k.server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	if k.host != "" {
		_, port, _ := net.SplitHostPort(addr)
		addr = net.JoinHostPort(k.host, port)
	}

	var accepting sync.WaitGroup
	var acceptErr error
	accepting.Go(func() { accepted, acceptErr = accept(l) })
	dialled, err = New().Dial(t.Context(), k.network, addr, k.client)
	if err != nil {
		l.Close()
	}
	accepting.Wait()
	for _, c := range []net.Conn{dialled, accepted} {
		if c != nil {
			t.Cleanup(func() { c.Close() })
		}
	}
	if err := errors.Join(err, acceptErr); err != nil {
		t.Fatal(err)
	}
	return dialled, accepted
}

func accept(l net.Listener) (net.Conn, error) {
	conn, err := l.Accept()
	if secured, ok := conn.(*tls.Conn); ok {
		err = secured.Handshake()
	}
	return conn, err
}

// withTLS returns a link of a client and a server that trust each other.
func withTLS(t *testing.T, network, addr string) link {
	ca := transporttest.NewCA(t)
	return link{
		network: network, addr: addr,
		client: transport.Settings{TLS: ca.Client()}, server: transport.Settings{TLS: ca.Server()},
	}
}

// TestRealConnections: what users and the server look for in a connection is there.
func TestRealConnections(t *testing.T) {
	t.Parallel()
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		dialled, accepted := link{network: "tcp", addr: "127.0.0.1:0"}.open(t)
		for _, c := range []net.Conn{dialled, accepted} {
			if _, ok := c.(*net.TCPConn); !ok {
				t.Errorf("a %T, want *net.TCPConn", c)
			}
		}
	})
	t.Run("tls", func(t *testing.T) {
		t.Parallel()
		dialled, accepted := withTLS(t, "tcp", "127.0.0.1:0").open(t)
		for _, c := range []net.Conn{dialled, accepted} {
			secured, ok := c.(*tls.Conn)
			if !ok {
				t.Errorf("a %T, want *tls.Conn", c)
				continue
			}
			if _, ok := secured.NetConn().(*net.TCPConn); !ok {
				t.Errorf("over a %T, want *net.TCPConn", secured.NetConn())
			}
		}
	})
}

// TestServerNameIndication: a client that dials a name says it, as servers with many
// certificates need it.
func TestServerNameIndication(t *testing.T) {
	t.Parallel()
	k := withTLS(t, "tcp4", "127.0.0.1:0")
	k.host = "localhost"
	_, accepted := k.open(t)
	if got := accepted.(*tls.Conn).ConnectionState().ServerName; got != "localhost" {
		t.Errorf("the client asked for %q, want localhost", got)
	}
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skipf("no IPv6 here: %v", err)
	} else {
		l.Close()
	}
	for _, network := range []string{"tcp", "tcp6"} {
		dialled, _ := withTLS(t, network, "[::1]:0").open(t)
		if !strings.HasPrefix(dialled.RemoteAddr().String(), "[::1]:") {
			t.Errorf("%s: connected to %v, want [::1]", network, dialled.RemoteAddr())
		}
	}
	if _, err := New().Listen(t.Context(), "tcp4", "[::1]:0", transport.Settings{}); err == nil {
		t.Error("tcp4 listens on an IPv6 address")
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = New().Dial(t.Context(), "tcp", l.Addr().String(), transport.Settings{})
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("error %v, want a *net.OpError that names the address", err)
	}
}

func TestBadAddresses(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1", "127.0.0.1:port", "::1:80", "[::1", "127.0.0.1:99999"} {
		if conn, err := New().Dial(t.Context(), "tcp", addr, transport.Settings{}); err == nil {
			t.Errorf("Dial(%q): no error", addr)
			conn.Close()
		}
		if l, err := New().Listen(t.Context(), "tcp", addr, transport.Settings{}); err == nil {
			t.Errorf("Listen(%q): no error", addr)
			l.Close()
		}
	}
}
