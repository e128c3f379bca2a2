// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log"

	"github.com/rpcx-go/rpcx/server"
)

type Args struct{ A, B int }

type Reply struct{ C int }

type Arith struct{}

func (t *Arith) Mul(ctx context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

func main() {
	addr := "127.0.0.1:8972"

	s := server.NewServer()
	if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
		log.Fatal(err)
	}
	log.Fatal(s.Serve("tcp", addr))
}
