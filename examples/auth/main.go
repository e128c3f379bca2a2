// SPDX-License-Identifier: Apache-2.0

// The example lets in callers with a token.
package main

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

// authorize is asked before every call, before its arguments are decoded.
func authorize(_ context.Context, service, method, token string) error {
	if subtle.ConstantTimeCompare([]byte(token), []byte("bearer let-me-in")) != 1 {
		return rpcx.Errorf(rpcx.Unauthenticated, "unknown token")
	}
	if method == "Div" {
		return rpcx.Errorf(rpcx.PermissionDenied, "%s.%s is not for you", service, method)
	}
	return nil
}

func main() {
	s := server.NewServer(server.WithAuth(authorize))
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	try := func(method string) {
		reply := new(arith.Reply)
		err := x.Call(context.Background(), method, &arith.Args{A: 12, B: 4}, reply)
		if err != nil {
			fmt.Printf("%s: %v: %v\n", method, rpcx.CodeOf(err), err)
			return
		}
		fmt.Printf("%s: %d\n", method, reply.C)
	}
	try("Mul") // without a token
	x.Auth("bearer guess")
	try("Mul")
	x.Auth("bearer let-me-in")
	try("Mul") // on the same connection
	try("Div")
}
