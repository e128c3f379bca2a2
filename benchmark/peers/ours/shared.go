// SPDX-License-Identifier: Apache-2.0

package ours

import (
	"context"

	"github.com/rpcx-go/rpcx/benchmark/pb"
	"github.com/rpcx-go/rpcx/benchmark/peers"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
)

// Shared is Plain with one client for all connections, as programs have it. The client
// chooses the connection for each call.
type Shared struct{ Plain }

var _ peers.Peer = Shared{}

// Dial implements peers.Peer.
func (Shared) Dial(addr string, conns int) (peers.Pool, error) {
	opt := client.DefaultOption
	opt.SerializeType = protocol.ProtoBuffer
	opt.ConnsPerServer = conns
	d := client.NewPeer2PeerDiscovery("tcp@"+addr, "")
	x := client.NewXClient(service, client.Failtry, client.RandomSelect, d, opt)
	return sharedPool{x}, nil
}

type sharedPool struct{ client *client.XClient }

// Call implements peers.Pool.
func (p sharedPool) Call(ctx context.Context, _ int, args *pb.BenchmarkMessage) (*pb.BenchmarkMessage, error) {
	reply := new(pb.BenchmarkMessage)
	return reply, p.client.Call(ctx, method, args, reply)
}

// Close implements peers.Pool.
func (p sharedPool) Close() error { return p.client.Close() }
