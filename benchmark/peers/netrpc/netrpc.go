// SPDX-License-Identifier: Apache-2.0

// Package netrpc is the standard library's net/rpc as a peer, with a codec for
// Protocol Buffers in the place of gob.
package netrpc

import (
	"context"
	"errors"
	"io"
	"net"
	"net/rpc"
	"sync"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

const (
	service = "Hello"
	method  = service + ".Say"
)

// Peer is net/rpc.
type Peer struct{}

var _ peers.Peer = Peer{}

// Hello is the service; net/rpc wants an exported type.
type Hello struct{ service *peers.Service }

// Say is its method.
func (h *Hello) Say(args, reply *pb.BenchmarkMessage) error {
	h.service.Say(args, reply)
	return nil
}

// Serve implements peers.Peer.
func (Peer) Serve(ln net.Listener, s *peers.Service) (io.Closer, error) {
	srv := rpc.NewServer()
	if err := srv.RegisterName(service, &Hello{s}); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // closed
			}
			serving.Go(func() { srv.ServeCodec(newCodec(conn)) }) // ends with the client's connection
		}
	})
	return peers.CloserFunc(func() error {
		err := ln.Close()
		serving.Wait()
		return err
	}), nil
}

// Dial implements peers.Peer.
func (Peer) Dial(addr string, conns int) (peers.Pool, error) {
	p := make(pool, 0, conns)
	for range conns {
		conn, err := net.Dial("tcp", addr) //nolint:noctx // as rpc.Dial does
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p = append(p, rpc.NewClientWithCodec(clientCodec{newCodec(conn)}))
	}
	return p, nil
}

type pool []*rpc.Client

// Call implements peers.Pool.
func (p pool) Call(_ context.Context, conn int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	return reply, p[conn].Call(method, args, reply)
}

// Close implements peers.Pool.
func (p pool) Close() error {
	errs := make([]error, len(p))
	for i, c := range p {
		errs[i] = c.Close()
	}
	return errors.Join(errs...)
}
