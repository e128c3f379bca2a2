// SPDX-License-Identifier: Apache-2.0

package ours

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

// Furnished is Plain with what production programs put around a call: a deadline,
// three pairs of metadata, and an observer and an interceptor on both sides.
type Furnished struct{}

var _ peers.Peer = Furnished{}

// Serve implements peers.Peer.
func (Furnished) Serve(ln net.Listener, s *peers.Service) (io.Closer, error) {
	return serve(ln, s, server.WithObserver(new(meter)), server.WithInterceptor(passOn()))
}

// Dial implements peers.Peer.
func (Furnished) Dial(addr string, conns int) (peers.Pool, error) {
	opt := client.DefaultOption
	opt.Observer = new(meter)
	opt.Interceptors = []rpcx.Interceptor{passOn()}
	md := rpcx.Pairs(
		"trace-id", "4bf92f3577b34da6a3ce929d0e0e4736",
		"tenant", "benchmark",
		"locale", "en-US",
	)
	return furnishedPool{
		clients: dial(addr, conns, opt),
		opts:    []client.CallOption{client.WithTimeout(time.Minute), client.WithMetadata(md)},
	}, nil
}

type furnishedPool struct {
	clients
	opts []client.CallOption
}

// Call implements peers.Pool.
func (p furnishedPool) Call(ctx context.Context, conn int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	return reply, p.clients[conn].Call(ctx, method, args, reply, p.opts...)
}

// passOn is an interceptor that does nothing.
func passOn() rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error { return next(ctx, c) }
	}}
}

// meter is an observer that counts, as one for metrics does.
type meter struct{ calls, failures, nanoseconds atomic.Int64 }

// CallStart implements rpcx.Observer.
func (m *meter) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

// CallEnd implements rpcx.Observer.
func (m *meter) CallEnd(_ context.Context, _ *rpcx.CallInfo, r *rpcx.CallResult) {
	m.calls.Add(1)
	m.nanoseconds.Add(int64(r.Duration))
	if r.Err != nil {
		m.failures.Add(1)
	}
}
