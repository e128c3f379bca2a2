// SPDX-License-Identifier: Apache-2.0

// Package grpc is google.golang.org/grpc as a peer, with its default options. What
// protoc-gen-go-grpc would generate is written out, for it is short.
package grpc

import (
	"context"
	"errors"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// Peer is grpc-go.
type Peer struct{}

var _ peers.Peer = Peer{}

type hello interface {
	Say(ctx context.Context, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error)
}

type implementation struct{ service *peers.Service }

// Say implements hello.
func (i implementation) Say(_ context.Context, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	i.service.Say(args, reply)
	return reply, nil
}

func serviceDesc() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "benchmark.Hello",
		HandlerType: (*hello)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Say", Handler: say}},
	}
}

func say(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // grpc's own order
	args := new(pb.BenchmarkMessage)
	if err := decode(args); err != nil {
		return nil, err
	}
	return srv.(hello).Say(ctx, args) //nolint:forcetypeassert,errcheck // grpc checked it against HandlerType
}

// Serve implements peers.Peer.
func (Peer) Serve(ln net.Listener, s *peers.Service) (io.Closer, error) {
	srv := grpc.NewServer()
	srv.RegisterService(serviceDesc(), implementation{s})
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	return peers.CloserFunc(func() error {
		srv.Stop()
		return <-done
	}), nil
}

// Dial implements peers.Peer.
func (Peer) Dial(addr string, conns int) (peers.Pool, error) {
	p := make(pool, 0, conns)
	for range conns {
		c, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p = append(p, c)
	}
	return p, nil
}

type pool []*grpc.ClientConn

// Call implements peers.Pool.
func (p pool) Call(ctx context.Context, conn int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	return reply, p[conn].Invoke(ctx, "/benchmark.Hello/Say", args, reply)
}

// Close implements peers.Pool.
func (p pool) Close() error {
	errs := make([]error, len(p))
	for i, c := range p {
		errs[i] = c.Close()
	}
	return errors.Join(errs...)
}
