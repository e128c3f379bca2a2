// SPDX-License-Identifier: Apache-2.0

// Package ours is this project as a peer: plain, with all that a production program
// puts around a call, and with generated code that encodes without reflection.
package ours

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

const (
	service = "Hello"
	method  = "Say"
)

// Plain is a typed handler, and clients with the default options but for the codec.
type Plain struct{}

var _ peers.Peer = Plain{}

// Serve implements peers.Peer.
func (Plain) Serve(ln net.Listener, s *peers.Service) (io.Closer, error) {
	return serve(ln, s)
}

// Dial implements peers.Peer.
func (Plain) Dial(addr string, conns int) (peers.Pool, error) {
	return plainPool{dial(addr, conns, client.DefaultOption)}, nil
}

type plainPool struct{ clients }

// Call implements peers.Pool.
func (p plainPool) Call(ctx context.Context, conn int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	return reply, p.clients[conn].Call(ctx, method, args, reply)
}

// serve serves s with Google's runtime.
func serve(ln net.Listener, s *peers.Service, opts ...server.Option) (io.Closer, error) {
	srv := server.NewServer(opts...)
	err := server.Handle(srv, service, method, func(_ context.Context, args, reply *pb.BenchmarkMessage) error {
		s.Say(args, reply)
		return nil
	})
	return start(srv, ln, err)
}

// start runs a server whose registration ended with err.
func start(srv *server.Server, ln net.Listener, err error) (io.Closer, error) {
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	done := make(chan error, 1)
	go func() { done <- srv.ServeListener("tcp", ln) }()
	return peers.CloserFunc(func() error {
		err := srv.Close()
		if serveErr := <-done; !errors.Is(serveErr, server.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
		return err
	}), nil
}

// clients is a client for each connection of a pool, as the other peers have it, so
// that a caller stays on its connection.
type clients []*client.XClient

func dial(addr string, conns int, opt client.Option) clients {
	opt.SerializeType = protocol.ProtoBuffer
	cs := make(clients, conns)
	for i := range cs {
		d := client.NewPeer2PeerDiscovery("tcp@"+addr, "")
		cs[i] = client.NewXClient(service, client.Failtry, client.RandomSelect, d, opt)
	}
	return cs
}

// Close implements peers.Pool.
func (cs clients) Close() error {
	errs := make([]error, len(cs))
	for i, c := range cs {
		errs[i] = c.Close()
	}
	return errors.Join(errs...)
}
