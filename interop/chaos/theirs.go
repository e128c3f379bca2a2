// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"errors"
	"net"

	realclient "github.com/smallnest/rpcx/client"
	realserver "github.com/smallnest/rpcx/server"
)

// theirs is real rpcx, with its defaults.
type theirs struct{}

func (theirs) String() string { return "rpcx" }

type theirServer struct{ *realserver.Server }

func (theirs) serve(s *service, ln net.Listener) server {
	srv := realserver.NewServer()
	srv.Plugins.Add(gate{s})
	if err := srv.RegisterName(serviceName, s, ""); err != nil {
		fatal(err)
	}
	go func() { _ = srv.ServeListener("tcp", ln) }() // its end is the process's
	<-srv.Started
	return theirServer{srv}
}

func (s theirServer) shutdown(ctx context.Context) error { return s.Shutdown(ctx) }

// gate refuses calls before they run, as well as a plugin can.
type gate struct{ *service }

func (g gate) PreCall(_ context.Context, _, _ string, args any) (any, error) {
	if g.board.arrive(g.server) {
		return args, errRefused
	}
	return args, nil
}

type theirCaller struct {
	x    realclient.XClient
	sent counter
}

func (theirs) open(addrs []string, m mode) (caller, error) {
	c := new(theirCaller)
	realclient.ConnFactories["tcp"] = func(_ *realclient.Client, network, addr string) (net.Conn, error) {
		conn, err := net.DialTimeout(network, addr, dialTimeout)
		c.sent.dialed(err)
		return conn, err
	}
	pairs := make([]*realclient.KVPair, len(addrs))
	for i, addr := range addrs {
		pairs[i] = &realclient.KVPair{Key: "tcp@" + addr}
	}
	d, err := realclient.NewMultipleServersDiscovery(pairs)
	if err != nil {
		return nil, err
	}
	opt := realclient.DefaultOption
	opt.ConnectTimeout = dialTimeout
	c.x = realclient.NewXClient(serviceName, realclient.FailMode(m.failMode), realclient.RoundRobin, d, opt)
	plugins := realclient.NewPluginContainer()
	plugins.Add(attempted{&c.sent})
	c.x.SetPlugins(plugins)
	return c, nil
}

// attempted counts what is sent.
type attempted struct{ sent *counter }

func (a attempted) PreCall(context.Context, string, string, any) error {
	a.sent.n.Add(1)
	return nil
}

func (c *theirCaller) call(ctx context.Context, id uint64) (uint64, error) {
	var reply Reply
	err := c.x.Call(ctx, "Do", &Args{ID: id}, &reply)
	return reply.Answer, err
}

// judge takes all errors of the connection for unknown: rpcx has no others.
func (c *theirCaller) judge(err error) outcome {
	var e realclient.ServiceError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return late
	case errors.As(err, &e) && e.IsServiceError() && e.Error() == errRefused.Error():
		return definite
	default:
		return unknown
	}
}

func (c *theirCaller) attempts() int64 { return c.sent.n.Load() }

func (c *theirCaller) close() { _ = c.x.Close() } // it fails when a connection is gone
