// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

// payload is the request of rpcx's own benchmark, in length.
const payload = 581

// overBoth runs a benchmark over a connection in memory and over the loopback
// interface.
func overBoth(b *testing.B, f func(b *testing.B, x *client.XClient)) {
	b.Helper()
	b.Run("mem", func(b *testing.B) {
		s := rpctest.NewServer(b)
		handle(b, s.Server, "M", echo)
		f(b, s.Client(b, "S", client.Option{}))
	})
	b.Run("tcp", func(b *testing.B) {
		s := server.NewServer()
		handle(b, s, "M", echo)
		addr := startTCP(b, s)
		x := client.NewXClient("S", client.Failfast, client.RandomSelect,
			client.NewPeer2PeerDiscovery("tcp@"+addr, ""), client.Option{})
		closing(b, x)
		f(b, x)
	})
}

// BenchmarkCall makes one call after the other.
func BenchmarkCall(b *testing.B) {
	overBoth(b, func(b *testing.B, x *client.XClient) {
		args, reply := make([]byte, payload), make([]byte, 0, payload)
		b.ReportAllocs()
		for b.Loop() {
			if err := x.Call(context.Background(), "M", args, &reply); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCallFurnished makes one call after the other with something around it.
func BenchmarkCallFurnished(b *testing.B) {
	idle := rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc { return next }}
	deadline, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, bb := range []struct {
		name string
		ctx  context.Context //nolint:containedctx // of the calls
		opt  client.Option
	}{
		{"deadline", deadline, client.Option{}},
		{"metadata", rpcx.WithMetadata(context.Background(), rpcx.Pairs("trace", "0af7651916cd43dd8448eb211c80319c")), client.Option{}},
		{"observer", context.Background(), client.Option{Observer: silent{}}},
		{"interceptor", context.Background(), client.Option{Interceptors: []rpcx.Interceptor{idle}}},
		{"attempt interceptor", context.Background(), client.Option{AttemptInterceptors: []rpcx.Interceptor{idle}}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			s := rpctest.NewServer(b)
			handle(b, s.Server, "M", echo)
			x := s.Client(b, "S", bb.opt)
			args, reply := make([]byte, payload), make([]byte, 0, payload)
			b.ReportAllocs()
			for b.Loop() {
				if err := x.Call(bb.ctx, "M", args, &reply); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// silent observes and does nothing.
type silent struct{}

func (silent) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }
func (silent) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult)       {}

// BenchmarkCallParallel makes calls from 100 goroutines over one connection.
func BenchmarkCallParallel(b *testing.B) {
	overBoth(b, func(b *testing.B, x *client.XClient) {
		b.ReportAllocs()
		b.SetParallelism(50)
		b.RunParallel(func(pb *testing.PB) {
			args, reply := make([]byte, payload), make([]byte, 0, payload)
			for pb.Next() {
				if err := x.Call(context.Background(), "M", args, &reply); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
