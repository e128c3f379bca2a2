// SPDX-License-Identifier: Apache-2.0

// The example calls all servers of a service at once, one of which is down.
package main

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

// Cache is a service on several servers, each with entries of its own.
type Cache struct{ entries map[string]string }

// Get looks an entry up on this server.
func (c *Cache) Get(_ context.Context, key, value *string) error {
	var ok bool
	if *value, ok = c.entries[*key]; !ok {
		return rpcx.Errorf(rpcx.NotFound, "no %s here", *key)
	}
	return nil
}

// Drop forgets an entry on this server and returns how many are left.
func (c *Cache) Drop(_ context.Context, key *string, left *int) error {
	delete(c.entries, *key)
	*left = len(c.entries)
	return nil
}

func main() {
	d := client.NewMultipleServersDiscovery([]*client.KVPair{
		{Key: "tcp@" + serve(&Cache{map[string]string{"a": "apple"}})},
		{Key: "tcp@" + serve(&Cache{map[string]string{"b": "banana"}})},
		{Key: "tcp@" + nobody()},
	})
	x := client.NewXClient("Cache", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	ctx := context.Background()

	var value string
	err := x.Fork(ctx, "Get", "b", &value) // the first success wins
	fmt.Println("fork:", value, err)

	receipts, _ := x.Inform(ctx, "Drop", "a", new(int)) // each outcome by itself
	for _, r := range receipts {
		if r.Error != nil {
			fmt.Println("inform:", rpcx.CodeOf(r.Error))
			continue
		}
		fmt.Println("inform:", *r.Reply.(*int), "left")
	}

	err = x.Broadcast(ctx, "Drop", "a", new(int)) // all must succeed
	fmt.Println("broadcast:", rpcx.CodeOf(err))
}

// nobody returns an address that no server listens on.
func nobody() (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func serve(cache *Cache) (addr string) {
	s := server.NewServer()
	if err := s.RegisterName("Cache", cache, ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	return s.Address().String()
}
