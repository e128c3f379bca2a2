// SPDX-License-Identifier: Apache-2.0

// The example has servers that make themselves known, and a client that finds them.
// The registry is one in memory; any other is used in the same way.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/registry/memory"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	services := memory.New()
	x := client.NewXClient("Name", client.Failover, client.RandomSelect, services, client.DefaultOption)
	defer x.Close()

	red := start("red", services)
	fmt.Println("answered by", waitFor(x, "red"))

	green := start("green", services)
	defer green.Close()
	fmt.Println("answered by", waitFor(x, "green"))

	// Shutdown takes the registration back before anything else.
	if err := red.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("answered by", ask(x), ask(x), ask(x))
}

func start(name string, services *memory.Registry) *server.Server {
	// "" is the address of the listener. Clients have 10 ms to learn of a shutdown.
	s := server.NewServer(server.WithRegistrar(services, "", 10*time.Millisecond))
	err := server.Handle(s, "Name", "Name", func(_ context.Context, _ *struct{}, reply *string) error {
		*reply = name
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	return s
}

func ask(x *client.XClient) string {
	name, err := client.Invoke[string](context.Background(), x, "Name", struct{}{})
	if err != nil {
		log.Fatal(err)
	}
	return *name
}

// waitFor calls until a certain server answers.
func waitFor(x *client.XClient, name string) string {
	for ask(x) != name {
	}
	return name
}
