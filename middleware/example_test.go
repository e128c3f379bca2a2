// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/server"
)

func Example() {
	quiet := slog.New(slog.DiscardHandler)
	s := server.NewServer(
		server.WithAuth(middleware.Auth(middleware.AuthConfig{
			Identify: middleware.Tokens(map[string]string{"s3cret": "ada"}),
			Allow:    map[string][]string{"Arith": {"ada"}},
			Logger:   quiet,
		})),
		server.WithInterceptor(
			middleware.Alias(map[string]string{"Arith.Times": "Arith.Mul"}),
			middleware.RateLimit(middleware.RateLimitConfig{Rate: 0.1, Burst: 2, Logger: quiet}),
			middleware.Timeout(middleware.TimeoutConfig{Default: time.Second}),
		))
	if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	<-s.Started()
	defer func() { s.Close(); <-served }()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	call := func(method string) {
		reply := new(Reply)
		err := x.Call(context.Background(), method, &Args{6, 7}, reply)
		var e *rpcx.Error
		switch {
		case err == nil:
			fmt.Println(method, reply.C)
		case errors.As(err, &e):
			fmt.Println(method, e.Code(), e.Pause() > 0)
		}
	}
	call("Mul")
	x.Auth("s3cret")
	call("Mul")
	call("Times")
	call("Mul")
	// Output:
	// Mul unauthenticated false
	// Mul 42
	// Times 42
	// Mul resource exhausted true
}
