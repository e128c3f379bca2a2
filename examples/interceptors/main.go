// SPDX-License-Identifier: Apache-2.0

// The example wraps calls on both sides.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

// logged prints each call and how it ended.
func logged(side string) rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			err := next(ctx, c)
			fmt.Printf("%s: %s.%s for %s: %v\n", side, c.Service, c.Method, c.Header.Get("user"), err)
			return err
		}
	}}
}

// as adds metadata to each call.
func as(user string) rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			c.Header = c.Header.With("user", user)
			return next(ctx, c)
		}
	}}
}

// only refuses the calls of everybody else: their handlers do not run.
func only(user string) rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			if c.Header.Get("user") != user {
				return rpcx.Errorf(rpcx.PermissionDenied, "only %s may call %s.%s", user, c.Service, c.Method).NotExecuted()
			}
			return next(ctx, c)
		}
	}}
}

func main() {
	s := server.NewServer(server.WithInterceptor(logged("server"), only("ada"))) // the first is outermost
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")

	for _, user := range []string{"ada", "bob"} {
		x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.Option{
			Interceptors: []rpcx.Interceptor{as(user), logged("client")},
		})
		reply := new(arith.Reply)
		err := x.Call(context.Background(), "Mul", &arith.Args{A: 6, B: 7}, reply)
		fmt.Printf("%s got %d, %v\n", user, reply.C, err)
		x.Close()
	}
}
