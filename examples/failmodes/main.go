// SPDX-License-Identifier: Apache-2.0

// The example lets servers die in the middle of calls and shows what each fail mode
// makes of it.
package main

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

// Bank is a service on several servers.
type Bank struct {
	server string
	ran    chan<- string // where, for each attempt
	die    *atomic.Bool  // at the next attempt
}

// Pay ends its own connection when it is told to die, as a crash would.
func (b *Bank) Pay(ctx context.Context, _ *string, _ *struct{}) error {
	b.ran <- b.server
	if b.die.Swap(false) {
		return server.ConnFrom(ctx).Close()
	}
	return nil
}

func main() {
	ran, die := make(chan string, 10), new(atomic.Bool)
	d := client.NewMultipleServersDiscovery([]*client.KVPair{
		{Key: "tcp@" + serve(&Bank{"north", ran, die})},
		{Key: "tcp@" + serve(&Bank{"south", ran, die})},
	})
	pay := func(mode client.FailMode, opts ...client.CallOption) {
		x := client.NewXClient("Bank", mode, client.RandomSelect, d, client.DefaultOption)
		defer x.Close()
		die.Store(true)
		err := x.Call(context.Background(), "Pay", "one penny", &struct{}{}, opts...)

		attempts, servers := 0, make(map[string]bool)
		for ; len(ran) > 0; attempts++ {
			servers[<-ran] = true
		}
		fmt.Printf("%-10v attempts: %d, servers: %d, ", mode, attempts, len(servers))
		if err != nil {
			fmt.Printf("%v, safe to retry: %t\n", rpcx.CodeOf(err), rpcx.SafeToRetry(err))
			return
		}
		fmt.Println("paid")
	}

	pay(client.Failfast)                         // does not know, and says so
	pay(client.Failtry)                          // the same server again
	pay(client.Failover)                         // another server
	pay(client.Failbackup)                       // another one too, even if the first is only slow
	pay(client.Failover, client.NonIdempotent()) // never twice
}

func serve(bank *Bank) (addr string) {
	s := server.NewServer()
	if err := s.RegisterName("Bank", bank, ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	return s.Address().String()
}
