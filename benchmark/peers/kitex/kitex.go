// SPDX-License-Identifier: Apache-2.0

// Package kitex is github.com/cloudwego/kitex as a peer: its own protocol with a
// Protocol Buffers payload over multiplexed connections, which it chooses by itself.
package kitex

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/kitex/server"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

// Peer is kitex.
type Peer struct{}

var _ peers.Peer = Peer{}

// quiet turns the log off, which is one for the process.
//
//nolint:gochecknoglobals // what it sets is a global of theirs, and not safe to set again
var quiet = sync.OnceFunc(func() { klog.SetLevel(klog.LevelFatal) })

// Serve implements peers.Peer.
func (Peer) Serve(ln net.Listener, s *peers.Service) (io.Closer, error) {
	quiet()
	stop := make(chan error, 1)
	srv := server.NewServer(
		server.WithListener(ln),
		server.WithMuxTransport(),
		server.WithExitSignal(func() <-chan error { return stop }), // not the process's signals
		server.WithExitWaitTime(time.Millisecond),
	)
	if err := srv.RegisterService(serviceInfo(), &implementation{s}); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Run() }) // why it ended depends on what closed first
	return peers.CloserFunc(func() error {
		stop <- os.ErrClosed
		serving.Wait()
		return nil
	}), nil
}

// Dial implements peers.Peer.
func (Peer) Dial(addr string, conns int) (peers.Pool, error) {
	quiet()
	c, err := client.NewClient(serviceInfo(),
		client.WithDestService("Hello"),
		client.WithHostPorts(addr),
		client.WithMuxConnection(conns),
	)
	if err != nil {
		return nil, err
	}
	return pool{c}, nil
}

type pool struct{ client client.Client }

// Call implements peers.Pool.
func (p pool) Call(ctx context.Context, _ int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	result := new(carrier)
	err := p.client.Call(ctx, method, &carrier{args}, result)
	return result.message, err
}

// Close implements peers.Pool.
func (p pool) Close() error {
	if c, ok := p.client.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
