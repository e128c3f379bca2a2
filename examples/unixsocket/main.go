// SPDX-License-Identifier: Apache-2.0

// The example serves on a Unix socket.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	dir, err := os.MkdirTemp("", "arith")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "arith.sock")

	s := server.NewServer()
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("unix", path)
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("unix@"+path, "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	reply := new(arith.Reply)
	if err := x.Call(context.Background(), "Mul", &arith.Args{A: 6, B: 7}, reply); err != nil {
		log.Fatal(err)
	}
	fmt.Println("over", s.Address().Network()+":", reply.C)
}
