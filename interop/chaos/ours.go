// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"log/slog"
	"net"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	rpcxserver "github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/tcp"
)

// ours is this project, with its defaults.
type ours struct{}

func (ours) String() string { return "ours" }

type ourServer struct{ *rpcxserver.Server }

func (ours) serve(s *service, ln net.Listener) server {
	srv := rpcxserver.NewServer(
		rpcxserver.WithLogger(quiet()),
		rpcxserver.WithInterceptor(rpcx.Interceptor{Unary: s.gate}),
	)
	if err := srv.RegisterName(serviceName, s, ""); err != nil {
		fatal(err)
	}
	go func() { _ = srv.ServeListener("tcp", ln) }() // its end is the process's
	<-srv.Started()
	return ourServer{srv}
}

// gate refuses calls before they run.
func (s *service) gate(next rpcx.UnaryFunc) rpcx.UnaryFunc {
	return func(ctx context.Context, call *rpcx.Call) error {
		if s.board.arrive(s.server) {
			return rpcx.Errorf(rpcx.Unavailable, "%w", errRefused).NotExecuted()
		}
		return next(ctx, call)
	}
}

func (s ourServer) shutdown(ctx context.Context) error { return s.Shutdown(ctx) }

// quiet is for what is provoked on purpose.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

type ourCaller struct {
	x    *client.XClient
	sent counter
}

func (ours) open(addrs []string, m mode) (caller, error) {
	c := new(ourCaller)
	opt := client.Option{
		ConnectTimeout: dialTimeout,
		Logger:         quiet(),
		Transports:     []transport.Transport{countedTCP{tcp.New(), &c.sent}},
		AttemptInterceptors: []rpcx.Interceptor{{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
			return func(ctx context.Context, call *rpcx.Call) error {
				c.sent.n.Add(1)
				return next(ctx, call)
			}
		}}},
	}
	if m.once {
		opt.NonIdempotent = []string{"*"}
	}
	pairs := make([]*client.KVPair, len(addrs))
	for i, addr := range addrs {
		pairs[i] = &client.KVPair{Key: "tcp@" + addr}
	}
	d := client.NewMultipleServersDiscovery(pairs)
	c.x = client.NewXClient(serviceName, client.FailMode(m.failMode), client.RoundRobin, d, opt)
	return c, nil
}

func (c *ourCaller) call(ctx context.Context, id uint64) (uint64, error) {
	var reply Reply
	err := c.x.Call(ctx, "Do", &Args{ID: id}, &reply)
	return reply.Answer, err
}

func (c *ourCaller) judge(err error) outcome {
	switch {
	case rpcx.SafeToRetry(err):
		return definite
	case rpcx.CodeOf(err) == rpcx.DeadlineExceeded:
		return late
	case rpcx.CodeOf(err) == rpcx.Unavailable && strings.Contains(err.Error(), "outcome unknown"):
		return unknown
	default:
		return unclear
	}
}

func (c *ourCaller) attempts() int64 { return c.sent.n.Load() }

func (c *ourCaller) close() { _ = c.x.Close() } // it never fails

// countedTCP counts dials that fail.
type countedTCP struct {
	transport.Transport
	sent *counter
}

func (t countedTCP) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	conn, err := t.Transport.Dial(ctx, network, addr, s)
	t.sent.dialed(err)
	return conn, err
}
