// SPDX-License-Identifier: Apache-2.0

// Package rpctest serves services in memory for the unit tests of their users, as
// net/http/httptest does for HTTP: real servers and real clients, with the frames
// and codecs that they use in production, but no ports.
//
//	arith := rpctest.Serve(t, "Arith", new(Arith))
//	err := arith.Call(t.Context(), "Mul", args, reply)
//
// Everything is closed when the test ends.
package rpctest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// network is the name that the in-memory transport serves.
const network = "mem"

// shutdownTimeout bounds the end of a test whose handlers do not return.
const shutdownTimeout = 5 * time.Second

// Serve registers rcvr as a service on a server of its own and returns a client of
// it. Both are closed when the test ends.
func Serve(t testing.TB, service string, rcvr any, opts ...server.Option) *client.XClient {
	t.Helper()
	s := NewServer(t, opts...)
	if err := s.RegisterName(service, rcvr, ""); err != nil {
		t.Fatalf("rpctest: %v", err)
	}
	return s.Client(t, service, client.DefaultOption)
}

// Server is a server in memory.
type Server struct {
	*server.Server
	memory *mem.Transport
	addr   string
}

// NewServer starts a server in memory that serves until the test ends. Register
// services on it, and call them with Client.
func NewServer(t testing.TB, opts ...server.Option) *Server {
	t.Helper()
	memory := mem.New()
	s := &Server{
		Server: server.NewServer(append([]server.Option{server.WithTransport(memory)}, opts...)...),
		memory: memory,
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(network, "") }() // ends with the server
	<-s.Started()
	if s.Address() == nil {
		t.Fatalf("rpctest: %v", <-failed)
	}
	s.addr = s.Address().String()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("rpctest: shut the server down: %v", err)
		}
		if err := <-failed; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("rpctest: serve: %v", err)
		}
	})
	return s
}

// Discovery finds this server, for clients made with Option.
func (s *Server) Discovery() client.Discovery {
	return client.NewPeer2PeerDiscovery(network+"@"+s.addr, "")
}

// Option returns opt with what a client needs to reach the server.
func (s *Server) Option(opt client.Option) client.Option {
	opt.Transports = append(opt.Transports[:len(opt.Transports):len(opt.Transports)], s.memory)
	return opt
}

// Client returns a client of one service, under Failfast, that is closed when the
// test ends.
func (s *Server) Client(t testing.TB, service string, opt client.Option) *client.XClient {
	t.Helper()
	x := client.NewXClient(service, client.Failfast, client.RandomSelect, s.Discovery(), s.Option(opt))
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Errorf("rpctest: close the client: %v", err)
		}
	})
	return x
}

// Dial returns a single connection to the server that is closed when the test ends.
func (s *Server) Dial(t testing.TB, opt client.Option) *client.Conn {
	t.Helper()
	c, err := client.Dial(t.Context(), network, s.addr, s.Option(opt))
	if err != nil {
		t.Fatalf("rpctest: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("rpctest: close the connection: %v", err)
		}
	})
	return c
}
