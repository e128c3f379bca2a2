// SPDX-License-Identifier: Apache-2.0

// The example is a program that was written for rpcx, after it has moved; what it was
// before stands in docs/migrating-from-rpcx.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

type Args struct{ A, B int }

type Reply struct{ C int }

type Arith struct{}

func (t *Arith) Mul(ctx context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return rpcx.SetReplyMetadata(ctx, "tenant", rpcx.IncomingMetadata(ctx).Get("tenant"))
}

func auth(ctx context.Context, service, method, token string) error {
	if token != "bearer let-me-in" {
		return errors.New("invalid token")
	}
	return nil
}

func announce(next rpcx.UnaryFunc) rpcx.UnaryFunc {
	return func(ctx context.Context, c *rpcx.Call) error {
		fmt.Println("serving", c.Service, c.Method)
		return next(ctx, c)
	}
}

func main() {
	s := server.NewServer(server.WithAuth(auth), server.WithInterceptor(rpcx.Interceptor{Unary: announce}))
	s.RegisterName("Arith", new(Arith), "")
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	option := client.DefaultOption
	option.SerializeType = protocol.JSON
	xclient := client.NewXClient("Arith", client.Failover, client.RandomSelect, d, option)
	defer xclient.Close()
	xclient.Auth("bearer let-me-in")

	ctx := rpcx.WithMetadata(context.Background(), rpcx.Pairs("tenant", "blue"))
	var back rpcx.Metadata
	reply := &Reply{}
	err := xclient.Call(ctx, "Mul", &Args{A: 10, B: 20}, reply, client.WithTrailer(&back))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.C, "for", back.Get("tenant"))
}
