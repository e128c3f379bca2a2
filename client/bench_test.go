// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"testing"

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
