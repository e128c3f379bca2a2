// SPDX-License-Identifier: Apache-2.0

// The example changes the list of servers while a client uses it.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	red, green := serve("red"), serve("green")

	d := client.NewMultipleServersDiscovery([]*client.KVPair{{Key: "tcp@" + red}})
	x := client.NewXClient("Name", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	fmt.Println("answered by", ask(x))

	if err := d.Update([]*client.KVPair{{Key: "tcp@" + green}}); err != nil {
		log.Fatal(err)
	}
	for ask(x) == "red" { // calls that are under way may still go to the old server
	}
	fmt.Println("answered by", ask(x))

	// A server that is switched off, by hand or by a registry, gets no calls.
	err := d.Update([]*client.KVPair{{Key: "tcp@" + red}, {Key: "tcp@" + green, Value: "state=inactive"}})
	if err != nil {
		log.Fatal(err)
	}
	for ask(x) == "green" {
	}
	fmt.Println("answered by", ask(x))

	// A list that makes no sense changes nothing.
	fmt.Println(d.Update([]*client.KVPair{{Key: "tcp@"}}))
}

func ask(x *client.XClient) string {
	var name string
	if err := x.Call(context.Background(), "Name", struct{}{}, &name); err != nil {
		log.Fatal(err)
	}
	return name
}

// serve starts a server that tells its name.
func serve(name string) (addr string) {
	s := server.NewServer()
	err := server.Handle(s, "Name", "Name", func(_ context.Context, _ *struct{}, reply *string) error {
		*reply = name
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	return s.Address().String()
}
