// SPDX-License-Identifier: Apache-2.0

// Package calltest is the suite that a client and a server pass over every transport,
// those of this project and those of others alike. It takes the settings of package
// transporttest, whose suite looks at the connections alone:
//
//	func TestCalls(t *testing.T) {
//		calltest.Run(t, func(t *testing.T) transporttest.Config {
//			return transporttest.Config{Transport: own.New(), Network: "own", Addr: "127.0.0.1:0"}
//		})
//	}
//
// It runs plain and with certificates on both sides, and asks for calls of all forms and
// sizes, for the rules that hold on every way in (tokens, limits, addresses), and for a
// shutdown that answers what runs. [Mounted] is for transports that share the port of an
// http.Server.
package calltest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// patience bounds what should take no time at all.
const patience = 30 * time.Second

// Run tests calls over the transport that setup makes, a fresh one for every test.
func Run(t *testing.T, setup func(t *testing.T) transporttest.Config) {
	ca := transporttest.NewCA(t)
	tests := []struct {
		name string
		run  func(t *testing.T, w *world)
	}{
		{"Calls", testCalls},
		{"Peer", testPeer},
		{"Shutdown", testShutdown},
	}
	run := func(t *testing.T, name string, secure bool, test func(t *testing.T, w *world)) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			w := &world{Config: setup(t)}
			if w.Datagrams {
				t.Parallel() // most of the time is spent waiting
			}
			if secure || w.OwnTLS {
				w.secure(ca)
			}
			test(t, w)
		})
	}
	t.Run("Plain", func(t *testing.T) {
		if setup(t).OwnTLS {
			t.Skip("the transport is never plain")
		}
		for _, tt := range tests {
			run(t, tt.name, false, tt.run)
		}
	})
	t.Run("MutualTLS", func(t *testing.T) {
		for _, tt := range tests {
			run(t, tt.name, true, tt.run)
		}
	})
	t.Run("Rules", func(t *testing.T) {
		for _, r := range rules() {
			run(t, r.name, false, r.test)
		}
	})
}

// world is a transport and the settings of both sides.
type world struct {
	transporttest.Config
	clientTLS, serverTLS *tls.Config
}

func (w *world) secure(ca *transporttest.CA) {
	w.clientTLS, w.serverTLS = ca.MutualClient(), ca.MutualServer()
	if w.NoHost {
		w.clientTLS.ServerName = transporttest.ServerName
	}
}

// running is a server.
type running struct {
	*server.Server
	ended chan error // what Serve has returned
}

// serve starts a server with an Echo.
func (w *world) serve(t *testing.T, echo *Echo, opts ...server.Option) *running {
	t.Helper()
	return w.start(t, echo, func(s *server.Server) error { return s.Serve(w.Network, w.Addr) }, opts...)
}

// start starts a server that serves as run says.
func (w *world) start(t *testing.T, echo *Echo, run func(*server.Server) error, opts ...server.Option) *running {
	t.Helper()
	opts = append(opts, server.WithTransport(w.Transport), server.WithLogger(slog.New(slog.DiscardHandler)))
	if w.serverTLS != nil {
		opts = append(opts, server.WithTLSConfig(w.serverTLS))
	}
	s := &running{Server: server.NewServer(opts...), ended: make(chan error, 1)}
	if err := s.RegisterName("Echo", echo, ""); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- run(s.Server) }()
	s.mustStart(t)
	t.Cleanup(func() { _ = s.Close() }) // it has no registry to fail
	return s
}

func (s *running) mustStart(t *testing.T) {
	t.Helper()
	select {
	case <-s.Started():
	case <-time.After(patience):
		t.Fatal("the server does not tell that it has started")
	}
	if s.Address() == nil {
		t.Fatalf("the server has no address: %v", <-s.ended)
	}
}

// shutDown ends the server and checks that nothing went wrong.
func (s *running) shutDown(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-s.ended; !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("Serve: %v, want ErrServerClosed", err)
	}
}

// caller is a client of the Echo.
type caller struct {
	*client.XClient
	pushed chan *protocol.Message
}

// open opens one with several connections to addr.
func (w *world) open(t *testing.T, addr string) *caller {
	t.Helper()
	c := &caller{pushed: make(chan *protocol.Message, 1)}
	c.XClient = client.NewXClient("Echo", client.Failfast, client.RandomSelect,
		client.NewPeer2PeerDiscovery(w.Network+"@"+addr, ""),
		client.Option{
			Transports: []transport.Transport{w.Transport}, TLSConfig: w.clientTLS, ConnectTimeout: patience,
			ConnsPerServer: 4, Pushes: c.pushed, Logger: slog.New(slog.DiscardHandler),
		})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// say calls Say and compares what comes back.
func (c *caller) say(ctx context.Context, text []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var reply []byte
	if err := c.Call(ctx, "Say", &text, &reply); err != nil {
		return err
	}
	if !bytes.Equal(reply, text) {
		return errors.New("another reply")
	}
	return nil
}

// Echo is a service that answers with what it gets, and pushes it as well.
type Echo struct {
	told        chan []byte   // what Tell was told
	began, more chan struct{} // Wait has begun, and may end
}

func newEcho() *Echo {
	return &Echo{told: make(chan []byte, 1), began: make(chan struct{}), more: make(chan struct{})}
}

// Say answers with the argument.
func (*Echo) Say(_ context.Context, args, reply *[]byte) error {
	if len(*args) == 0 {
		return errors.New("nothing was said")
	}
	*reply = bytes.Clone(*args)
	return nil
}

// Tell keeps the argument and pushes it back.
func (e *Echo) Tell(ctx context.Context, args, _ *[]byte) error {
	e.told <- bytes.Clone(*args)
	return server.ConnFrom(ctx).Push(ctx, "Echo", "Told", rpcx.Metadata{}, *args)
}

// Who answers with the name in the client's certificate.
func (*Echo) Who(ctx context.Context, _, reply *[]byte) error {
	peer, ok := rpcx.PeerFrom(ctx)
	switch {
	case !ok || peer.Addr == nil || peer.Local == nil:
		return errors.New("the caller is not known")
	case peer.TLS != nil && len(peer.TLS.PeerCertificates) > 0:
		*reply = []byte(peer.TLS.PeerCertificates[0].Subject.CommonName)
	}
	return nil
}

// Wait answers when it may.
func (e *Echo) Wait(_ context.Context, args, reply *[]byte) error {
	close(e.began)
	<-e.more
	*reply = bytes.Clone(*args)
	return nil
}
