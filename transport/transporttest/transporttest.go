// SPDX-License-Identifier: Apache-2.0

// Package transporttest is the suite that every transport.Transport passes, those of
// this project and those of others alike:
//
//	func TestConformance(t *testing.T) {
//		transporttest.Run(t, func(t *testing.T) transporttest.Config {
//			return transporttest.Config{Transport: own.New(), Network: "own", Addr: "127.0.0.1:0"}
//		})
//	}
//
// It runs plain, with TLS and with certificates on both sides, and asks for what
// clients and servers build on: connections that behave as those of package net, calls
// that end with their context, listeners that end when they are closed, and peers that
// are who they say. [NewCA] makes the certificates; other tests may use it, too.
package transporttest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/transport"
)

// Config says how to use the transport under test.
type Config struct {
	Transport transport.Transport
	// Network is the one of the transport's networks to test.
	Network string
	// Addr is a free address, or one by which Listen chooses a free one.
	Addr string
	// NoHost: an address holds no host, so a client's TLS settings name the server.
	// Otherwise it must hold localhost or a loopback address.
	NoHost bool
	// SharesAddr: several listeners may have one address.
	SharesAddr bool
	// OwnTLS: the transport is never plain and does TLS itself. Its connections have
	// run the handshake and tell of it by the method ConnectionState.
	OwnTLS bool
	// Datagrams: connections run over UDP. A listener's address is then free only once
	// its connections have ended as well, and a Dial that nobody answers ends with its
	// context.
	Datagrams bool
	// NoHandshake: plain connections have none, so that Dial succeeds whoever listens,
	// and a server sees a connection when its client has written something.
	NoHandshake bool
	// Greeting: what begins a connection, over TLS if there is any, is done by Dial and
	// by the listener itself, so that neither returns a connection to somebody who
	// speaks something else. Connections with TLS tell of it by ConnectionState.
	Greeting bool
}

// Run tests the transport that setup makes, a fresh one for every test.
func Run(t *testing.T, setup func(t *testing.T) Config) {
	t.Run("Networks", func(t *testing.T) { testNetworks(t, setup(t)) })
	ca := NewCA(t)
	for _, mode := range modes(ca) {
		t.Run(mode.name, func(t *testing.T) {
			if mode.client() == nil && setup(t).OwnTLS {
				t.Skip("the transport is never plain")
			}
			run := func(name string, test func(t *testing.T, r *rig)) {
				t.Run(name, func(t *testing.T) {
					c := setup(t)
					if c.Datagrams {
						t.Parallel() // most of the time is spent waiting for datagrams that may be late
					}
					test(t, newRig(c, mode))
				})
			}
			run("Conn", testConn)
			run("Transfer", testTransfer)
			run("HalfClose", testHalfClose)
			run("Close", testClose)
			run("Deadline", testDeadline)
			run("Addresses", testAddresses)
			run("ConcurrentDials", testConcurrentDials)
			run("ListenerClose", testListenerClose)
			run("AddressTaken", testAddressTaken)
			run("ContextEnded", testContextEnded)
		})
	}
	t.Run("Security", func(t *testing.T) {
		for _, tt := range securityTests {
			t.Run(tt.name, func(t *testing.T) { tt.test(t, newRig(setup(t), tlsMode(ca)), ca) })
		}
	})
}

// mode is a name and the settings of the two sides.
type mode struct {
	name           string
	client, server func() *tls.Config
}

func modes(ca *CA) []mode {
	none := func() *tls.Config { return nil }
	return []mode{{"Plain", none, none}, tlsMode(ca), {"MutualTLS", ca.MutualClient, ca.MutualServer}}
}

func tlsMode(ca *CA) mode { return mode{"TLS", ca.Client, ca.Server} }

// rig is a transport with the settings to test it under.
type rig struct {
	Config
	client, server transport.Settings
}

func newRig(c Config, m mode) *rig {
	r := &rig{Config: c}
	r.client.TLS, r.server.TLS = m.client(), m.server()
	r.nameServer(r.client.TLS)
	return r
}

// nameServer puts the server's name into a client's settings where the address has
// none.
func (r *rig) nameServer(config *tls.Config) {
	if config != nil && r.NoHost {
		config.ServerName = ServerName
	}
}

// timeout bounds what should take no time at all.
const timeout = 30 * time.Second

func (r *rig) listen(t *testing.T) net.Listener {
	t.Helper()
	return r.listenOn(t, r.Addr)
}

func (r *rig) listenOn(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := r.Transport.Listen(t.Context(), r.Network, addr, r.server)
	if err != nil {
		t.Fatalf("Listen on %q: %v", addr, err)
	}
	t.Cleanup(func() { _ = l.Close() }) // most tests have closed it
	return l
}

// dial connects to l as any client does.
func (r *rig) dial(t *testing.T, l net.Listener) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return r.Transport.Dial(ctx, r.Network, l.Addr().String(), r.client)
}

// accept waits for the next connection and does the server's part of a handshake.
func accept(l net.Listener) (net.Conn, error) {
	conn, err := l.Accept()
	if err != nil {
		return nil, err
	}
	if secured, ok := conn.(*tls.Conn); ok {
		if err := secured.Handshake(); err != nil {
			_ = conn.Close() // the handshake's error says more
			return nil, err
		}
	}
	return conn, nil
}

// connect returns the two ends of a connection over l, with a deadline that a test
// which hangs runs into.
func (r *rig) connect(t *testing.T, l net.Listener) (client, server net.Conn) {
	t.Helper()
	client, server, err := r.open(t, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // a second Close may fail, and did what is asked for
		_ = client.Close()
		_ = server.Close()
	})
	for _, c := range []net.Conn{client, server} {
		if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
			t.Fatalf("SetDeadline: %v", err)
		}
	}
	return client, server
}

// open dials and accepts at once, as a handshake needs both sides. When one of them
// fails l is closed, so that the other ends as well.
func (r *rig) open(t *testing.T, l net.Listener) (client, server net.Conn, err error) {
	var accepting sync.WaitGroup
	var acceptErr error
	accepting.Go(func() {
		if server, acceptErr = accept(l); acceptErr == nil && r.silent() {
			_, acceptErr = server.Read(make([]byte, 1))
		}
	})
	client, dialErr := r.dial(t, l)
	if dialErr == nil && r.silent() {
		_, dialErr = client.Write([]byte{1})
	}
	if dialErr != nil {
		_ = l.Close()
	}
	accepting.Wait()
	if err := errors.Join(dialErr, acceptErr); err != nil {
		for _, c := range []net.Conn{client, server} {
			if c != nil {
				_ = c.Close()
			}
		}
		return nil, nil, err
	}
	return client, server, nil
}

// silent reports whether the server does not notice a client that has not written.
func (r *rig) silent() bool { return r.NoHandshake && r.client.TLS == nil }

// pair returns the two ends of a connection of its own.
func (r *rig) pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	return r.connect(t, r.listen(t))
}
