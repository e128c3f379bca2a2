// SPDX-License-Identifier: Apache-2.0

// The example notices a server that does not answer any more, although its
// connections are still open.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	s := server.NewServer()
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	// One connection can be asked how far away its server is.
	conn, err := client.Dial(context.Background(), "tcp", s.Address().String(), client.DefaultOption)
	if err != nil {
		log.Fatal(err)
	}
	roundTrip, err := conn.Heartbeat(context.Background())
	fmt.Println("the server answered:", roundTrip > 0, err)
	conn.Close()

	// A client asks by itself. This server is a hole: it reads and never answers.
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer hole.Close()
	go swallow(hole)
	d := client.NewPeer2PeerDiscovery("tcp@"+hole.Addr().String(), "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.Option{
		Heartbeat:           true,
		HeartbeatInterval:   50 * time.Millisecond,
		MaxWaitForHeartbeat: 50 * time.Millisecond,
	})
	defer x.Close()
	err = x.Call(context.Background(), "Mul", &arith.Args{A: 6, B: 7}, new(arith.Reply)) // no deadline
	fmt.Println("the hole:", rpcx.CodeOf(err))
}

func swallow(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go io.Copy(io.Discard, c)
	}
}
