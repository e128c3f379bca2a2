// SPDX-License-Identifier: Apache-2.0

// The example puts the usual rules around a service: who may call, how often, for how
// long, and under which names. What they do is in the log.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/server"
)

func newServer(logger *slog.Logger) *server.Server {
	return server.NewServer(
		server.WithObserver(middleware.AccessLog(middleware.AccessLogConfig{Logger: logger})),
		server.WithAuth(middleware.Auth(middleware.AuthConfig{
			Identify: middleware.Tokens(map[string]string{"s3cret": "ada"}),
			Allow:    map[string][]string{"Arith.Mul": {"ada"}}, // and nobody anything else
			Logger:   logger,
		})),
		server.WithInterceptor(
			middleware.Alias(map[string]string{"Arith.Times": "Arith.Mul"}),
			middleware.RateLimit(middleware.RateLimitConfig{Rate: 1, Burst: 2, Logger: logger}),
			middleware.Timeout(middleware.TimeoutConfig{Default: time.Second}),
		))
}

func newClient(d client.Discovery, logger *slog.Logger) *client.XClient {
	return client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.Option{
		Interceptors: []rpcx.Interceptor{
			middleware.RetryInfo(middleware.RetryInfoConfig{}), // waits when the limit says so
			middleware.Breaker(middleware.BreakerConfig{Logger: logger}),
		},
	})
}

func main() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: stable}))
	s := newServer(logger)
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	x := newClient(client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), ""), logger)
	defer x.Close()
	call := func(method string) {
		reply := new(arith.Reply)
		err := x.Call(context.Background(), method, &arith.Args{A: 6, B: 7}, reply)
		fmt.Printf("%s: %d %v\n", method, reply.C, err)
	}
	call("Mul") // without a token
	x.Auth("bearer s3cret")
	call("Div")
	call("Times") // by its other name
	call("Mul")
	call("Mul") // too fast: made again when there is a token
}

// stable leaves out what is different each time.
func stable(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.TimeKey, "duration", "peer", "request_bytes", "reply_bytes", "key":
		return slog.Attr{}
	default:
		return a
	}
}
