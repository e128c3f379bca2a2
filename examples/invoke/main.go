// SPDX-License-Identifier: Apache-2.0

// The example makes calls whose reply has a type.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

// multiply takes any client.Caller, so that a test can call it without a server.
func multiply(ctx context.Context, c client.Caller, a, b int) (int, error) {
	reply, err := client.Invoke[arith.Reply](ctx, c, "Mul", &arith.Args{A: a, B: b})
	if err != nil {
		return 0, err
	}
	return reply.C, nil
}

func main() {
	s := server.NewServer()
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()

	fmt.Println(multiply(context.Background(), x, 6, 7))
}
