// SPDX-License-Identifier: Apache-2.0

// The example has a server and its client in one process, without a port.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

func main() {
	memory := mem.New() // who shares it can reach each other
	s := server.NewServer(server.WithTransport(memory))
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("mem", "arith")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("mem@arith", "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d,
		client.Option{Transports: []transport.Transport{memory}})
	defer x.Close()
	reply := new(arith.Reply)
	if err := x.Call(context.Background(), "Mul", &arith.Args{A: 6, B: 7}, reply); err != nil {
		log.Fatal(err)
	}
	fmt.Println("in memory:", reply.C)
}
