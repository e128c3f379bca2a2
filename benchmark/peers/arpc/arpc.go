// SPDX-License-Identifier: Apache-2.0

// Package arpc is github.com/lesismal/arpc as a peer, set up as rpcx-benchmark does:
// buffers come from its pool, and each call is served by a goroutine of its own.
package arpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/lesismal/arpc"
	"github.com/lesismal/arpc/log"
	"google.golang.org/protobuf/proto"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
)

const method = "Hello.Say"

// Peer is arpc.
type Peer struct{}

var _ peers.Peer = Peer{}

// quiet turns the log off, which is one for the process.
//
//nolint:gochecknoglobals // what it sets is a global of theirs, and not safe to set again
var quiet = sync.OnceFunc(func() { log.SetLevel(log.LevelNone) })

// Serve implements peers.Peer.
func (Peer) Serve(ln net.Listener, s *peers.Service) (io.Closer, error) {
	quiet()
	srv := arpc.NewServer()
	srv.Codec = protobuf{}
	srv.Handler.EnablePool(true)
	srv.Handler.Handle(method, func(ctx *arpc.Context) {
		args, reply := new(pb.BenchmarkMessage), new(pb.BenchmarkMessage)
		if err := ctx.Bind(args); err != nil {
			_ = ctx.Error(err) // the connection is gone
			return
		}
		s.Say(args, reply)
		_ = ctx.Write(reply) // the connection is gone
	}, true)
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(ln) }) // why it ended depends on what closed first
	return peers.CloserFunc(func() error {
		err := ln.Close() // which stops the server; its Stop races with Serve
		serving.Wait()
		return err
	}), nil
}

// Dial implements peers.Peer.
func (Peer) Dial(addr string, conns int) (peers.Pool, error) {
	quiet()
	p := make(pool, 0, conns)
	for range conns {
		c, err := arpc.NewClient(func() (net.Conn, error) {
			return net.DialTimeout("tcp", addr, 3*time.Second) //nolint:noctx // as arpc wants it
		})
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		c.Codec = protobuf{}
		p = append(p, c)
	}
	return p, nil
}

type pool []*arpc.Client

// Call implements peers.Pool.
func (p pool) Call(ctx context.Context, conn int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	return reply, p[conn].CallContext(ctx, method, args, reply)
}

// Close implements peers.Pool.
func (p pool) Close() error {
	for _, c := range p {
		c.Stop()
	}
	return nil
}

// protobuf is a codec of arpc's.
type protobuf struct{}

// Marshal implements codec.Codec.
func (protobuf) Marshal(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("arpc: %T is not a message", v)
	}
	return proto.Marshal(m)
}

// Unmarshal implements codec.Codec.
func (protobuf) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("arpc: %T is not a message", v)
	}
	return proto.Unmarshal(data, m)
}
