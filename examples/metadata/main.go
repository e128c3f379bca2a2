// SPDX-License-Identifier: Apache-2.0

// The example sends metadata beside a call, and back beside its reply.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

func greet(ctx context.Context, name *string, greeting *string) error {
	*greeting = "Hello, " + *name
	if rpcx.IncomingMetadata(ctx).Get("language") == "de" {
		*greeting = "Guten Tag, " + *name
	}
	return rpcx.SetReplyMetadata(ctx, "server", "greeter-1")
}

func main() {
	s := server.NewServer()
	if err := server.Handle(s, "Greeter", "Greet", greet); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Greeter", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()

	// For every call that is made with a context:
	german := rpcx.WithMetadata(context.Background(), rpcx.Pairs("language", "de"))
	var greeting string
	if err := x.Call(german, "Greet", "Ada", &greeting); err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)

	// For one call, and what came back:
	var back rpcx.Metadata
	err := x.Call(german, "Greet", "Ada", &greeting,
		client.WithMetadata(rpcx.Pairs("language", "en")), client.WithTrailer(&back))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
	fmt.Println("answered by", back.Get("server"))
}
