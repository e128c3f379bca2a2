// SPDX-License-Identifier: Apache-2.0

// The example replaces a server by a new one on the same port. Both could as well be
// processes; it needs Linux.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	older := start("older", "127.0.0.1:0")
	addr := older.Address().String()
	d := client.NewPeer2PeerDiscovery("tcp@"+addr, "") // which is how clients dial it
	x := client.NewXClient("Name", client.Failover, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	fmt.Println("answered by", ask(x))

	newer := start("newer", addr)
	defer newer.Close()
	fmt.Println("both listen on one port:", older.Address().String() == newer.Address().String())

	if err := older.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("answered by", ask(x))
}

func start(name, addr string) *server.Server {
	s := server.NewServer()
	err := server.Handle(s, "Name", "Name", func(_ context.Context, _ *struct{}, reply *string) error {
		*reply = name
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("reuseport", addr)
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
