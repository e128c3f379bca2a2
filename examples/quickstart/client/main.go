// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
)

type Args struct{ A, B int }

type Reply struct{ C int }

func main() {
	addr := "127.0.0.1:8972"
	args, reply := &Args{A: 10, B: 20}, &Reply{}

	d := client.NewPeer2PeerDiscovery("tcp@"+addr, "")
	xclient := client.NewXClient("Arith", client.Failtry, client.RandomSelect, d, client.DefaultOption)
	defer xclient.Close()
	err := xclient.Call(context.Background(), "Mul", args, reply)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d * %d = %d\n", args.A, args.B, reply.C)
}
