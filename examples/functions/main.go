// SPDX-License-Identifier: Apache-2.0

// The example registers everything that can be a method of a service.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

// Add is a function that could as well be a method.
func Add(_ context.Context, args *arith.Args, reply *arith.Reply) error {
	reply.C = args.A + args.B
	return nil
}

func main() {
	s := server.NewServer()
	err := errors.Join(
		// The methods of a value that are named: Mul, but not Div.
		s.RegisterWithMethods(new(arith.Arith), []string{"Mul"}, ""),
		// A function, under its own name and under another one.
		s.RegisterFunction("Arith", Add, ""),
		s.RegisterFunctionName("Arith", "Plus", Add, ""),
		// A function whose types the compiler checks, and which is called without reflection.
		server.Handle(s, "Arith", "Sub", func(_ context.Context, args *arith.Args, reply *arith.Reply) error {
			reply.C = args.A - args.B
			return nil
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	for _, method := range []string{"Mul", "Add", "Plus", "Sub", "Div"} {
		reply := new(arith.Reply)
		if err := x.Call(context.Background(), method, &arith.Args{A: 12, B: 4}, reply); err != nil {
			fmt.Println(method, "failed:", err)
			continue
		}
		fmt.Println(method, reply.C)
	}
}
