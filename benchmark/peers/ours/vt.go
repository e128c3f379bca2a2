// SPDX-License-Identifier: Apache-2.0

package ours

import (
	"context"
	"io"
	"net"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/pb/vt"
	"github.com/rpcx-go/rpcx/benchmark/peers"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

// VT is Plain with a message that vtprotobuf generated: it appends itself to the
// frame, without reflection. The codec finds that out by itself.
type VT struct{}

var _ peers.Peer = VT{}

// Serve implements peers.Peer.
func (VT) Serve(ln net.Listener, s *peers.Service) (io.Closer, error) {
	srv := server.NewServer()
	err := server.Handle(srv, service, method, func(_ context.Context, args, reply *vt.BenchmarkMessage) error {
		s.Say((*pb.BenchmarkMessage)(args), (*pb.BenchmarkMessage)(reply))
		return nil
	})
	return start(srv, ln, err)
}

// Dial implements peers.Peer.
func (VT) Dial(addr string, conns int) (peers.Pool, error) {
	return vtPool{dial(addr, conns, client.DefaultOption)}, nil
}

type vtPool struct{ clients }

// Call implements peers.Pool.
func (p vtPool) Call(ctx context.Context, conn int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(vt.BenchmarkMessage)
	err := p.clients[conn].Call(ctx, method, (*vt.BenchmarkMessage)(args), reply)
	return (*pb.BenchmarkMessage)(reply), err
}
