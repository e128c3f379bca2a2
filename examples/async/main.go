// SPDX-License-Identifier: Apache-2.0

// The example has many calls under way at once and takes the replies as they come.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

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

	const n = 100
	done := make(chan *client.Call, n) // room for all calls that share it
	for i := range n {
		x.Go(context.Background(), "Mul", &arith.Args{A: i, B: 2}, new(arith.Reply), done)
	}
	sum := 0
	for range n {
		call := <-done // in whatever order the replies come
		if call.Error != nil {
			log.Fatal(call.Error)
		}
		sum += call.Reply.(*arith.Reply).C
	}
	fmt.Println("sum of", n, "replies:", sum)
}
