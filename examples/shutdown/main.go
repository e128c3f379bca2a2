// SPDX-License-Identifier: Apache-2.0

// The example restarts two servers one after the other under load, and no call fails.
package main

import (
	"context"
	"fmt"
	"log"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	nodes := []*server.Server{start("127.0.0.1:0"), start("127.0.0.1:0")}
	d := client.NewMultipleServersDiscovery([]*client.KVPair{
		{Key: "tcp@" + nodes[0].Address().String()},
		{Key: "tcp@" + nodes[1].Address().String()},
	})
	x := client.NewXClient("Arith", client.Failfast, client.RoundRobin, d, client.DefaultOption)
	defer x.Close()

	var calls, failed atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 20 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				calls.Add(1)
				if err := x.Call(context.Background(), "Mul", &arith.Args{A: 6, B: 7}, new(arith.Reply)); err != nil {
					failed.Add(1)
					log.Print(err)
				}
			}
		})
	}
	for i, s := range nodes {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err := s.Shutdown(ctx)
		cancel()
		if err != nil {
			log.Fatal(err)
		}
		nodes[i] = start(s.Address().String())
		fmt.Printf("restarted server %d of %d\n", i+1, len(nodes))
	}
	close(stop)
	wg.Wait()
	fmt.Println("failed calls:", failed.Load(), "of many:", calls.Load() > 100)
}

func start(addr string) *server.Server {
	s := server.NewServer()
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", addr)
	<-s.Started()
	return s
}
