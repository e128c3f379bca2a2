// SPDX-License-Identifier: Apache-2.0

// The example finds servers in its own way: they are the addresses of a name in DNS.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/server"
)

// DNS is a registry.Resolver: every service is at the addresses of a host.
type DNS struct {
	Host, Port string
	Every      time.Duration // how often they are looked up
}

// Watch reports the servers until ctx ends. When it returns an error, clients keep the
// servers that they know, and call it again after a pause.
func (d DNS) Watch(ctx context.Context, _ string, update func([]registry.Instance)) error {
	for {
		addrs, err := net.DefaultResolver.LookupHost(ctx, d.Host)
		if err != nil {
			return err
		}
		var found []registry.Instance
		for _, addr := range addrs {
			found = append(found, registry.Instance{Network: "tcp", Addr: net.JoinHostPort(addr, d.Port)})
		}
		update(found)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d.Every):
		}
	}
}

func main() {
	s := server.NewServer()
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Address().String())
	if err != nil {
		log.Fatal(err)
	}

	d := DNS{Host: "localhost", Port: port, Every: 30 * time.Second}
	x := client.NewXClient("Arith", client.Failover, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	reply := new(arith.Reply)
	if err := x.Call(context.Background(), "Mul", &arith.Args{A: 6, B: 7}, reply); err != nil {
		log.Fatal(err)
	}
	fmt.Println("found by name:", reply.C)
}
