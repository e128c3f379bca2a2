// SPDX-License-Identifier: Apache-2.0

// Package rpcx is github.com/smallnest/rpcx as a peer, set up as rpcx-benchmark does:
// a service of methods, and an XClient for each connection.
package rpcx

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/log"
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/server"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

const (
	service = "Hello"
	method  = "Say"
)

// Peer is rpcx.
type Peer struct{}

var _ peers.Peer = Peer{}

// Hello is the service; rpcx wants an exported type.
type Hello struct{ service *peers.Service }

// Say is its method.
func (h *Hello) Say(_ context.Context, args, reply *pb.BenchmarkMessage) error {
	h.service.Say(args, reply)
	return nil
}

// quiet turns the log off, which is one for the process.
//
//nolint:gochecknoglobals // what it sets is a global of theirs, and not safe to set again
var quiet = sync.OnceFunc(func() { log.SetDummyLogger() })

// Serve implements peers.Peer.
func (Peer) Serve(ln net.Listener, s *peers.Service) (io.Closer, error) {
	quiet()
	srv := server.NewServer()
	if err := srv.RegisterName(service, &Hello{s}, ""); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.ServeListener("tcp", ln) }) // why it ended depends on what closed first
	return peers.CloserFunc(func() error {
		err := errors.Join(srv.Close(), ln.Close())
		serving.Wait()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		return err
	}), nil
}

// Dial implements peers.Peer.
func (Peer) Dial(addr string, conns int) (peers.Pool, error) {
	quiet()
	p := make(pool, 0, conns)
	for range conns {
		d, err := client.NewPeer2PeerDiscovery("tcp@"+addr, "")
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		opt := client.DefaultOption
		opt.SerializeType = protocol.ProtoBuffer
		p = append(p, client.NewXClient(service, client.Failtry, client.RandomSelect, d, opt))
	}
	return p, nil
}

type pool []client.XClient

// Call implements peers.Pool.
func (p pool) Call(ctx context.Context, conn int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	return reply, p[conn].Call(ctx, method, args, reply)
}

// Close implements peers.Pool.
func (p pool) Close() error {
	errs := make([]error, len(p))
	for i, c := range p {
		errs[i] = c.Close()
	}
	return errors.Join(errs...)
}
