// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// The same calls over every network that is built in.
func TestNetworks(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	tests := []struct {
		name, network string
		opts          []server.Option
		opt           client.Option
	}{
		{name: "tcp", network: "tcp"},
		{name: "tls", network: "tcp", opts: []server.Option{server.WithTLSConfig(ca.Server())}, opt: client.Option{TLSConfig: ca.Client()}},
		{name: "mutual tls", network: "tcp", opts: []server.Option{server.WithTLSConfig(ca.MutualServer())}, opt: client.Option{TLSConfig: ca.MutualClient()}},
		{name: "unix", network: "unix"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := "127.0.0.1:0"
			if tt.network == "unix" {
				addr = filepath.Join(t.TempDir(), "s")
			}
			s := server.NewServer(tt.opts...)
			handle(t, s, "M", echo)
			served := make(chan error, 1)
			go func() { served <- s.Serve(tt.network, addr) }()
			await(t, s.Started(), "the server")
			x := client.NewXClient("S", client.Failfast, client.RandomSelect,
				client.NewPeer2PeerDiscovery(tt.network+"@"+s.Address().String(), ""), tt.opt)
			var callers sync.WaitGroup
			for g := range 10 {
				callers.Go(func() {
					for i := range 100 {
						args := fmt.Sprint(g, "/", i)
						var reply []byte
						if err := x.Call(t.Context(), "M", []byte(args), &reply); err != nil || string(reply) != args {
							t.Errorf("call %s: %q, %v", args, reply, err)
							return
						}
					}
				})
			}
			callers.Wait()
			if n := len(s.Conns()); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
			x.Close()
			s.Close()
			<-served
		})
	}
}

// A server process that dies resets its connections.
func TestConnectionReset(t *testing.T) {
	t.Parallel()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := client.Dial(t.Context(), "tcp", ln.Addr().String(), client.Option{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, c)
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Conn: nc, t: t, in: protocol.NewReader(nc, protocol.Limits{})}
	done := inBackground(on(t.Context(), c), "x")
	w.next() // the hello
	w.next()
	if err := nc.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	w.Close()
	wantError(t, receive(t, done, "the call").err, rpcx.Unavailable, false)
	await(t, c.Done(), "the end of the connection")
}

// ConnectTimeout bounds a dial that nobody answers, also for a call without a deadline.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{0, 3 * time.Second} {
		t.Run(timeout.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(t)
				blackHole := func(ctx context.Context, _ string) error {
					<-ctx.Done()
					return ctx.Err()
				}
				opt := p.through(blackHole, client.Option{ConnectTimeout: timeout})
				want := timeout
				if timeout == 0 {
					want = time.Second
				}
				began := time.Now()
				_, err := client.Dial(context.Background(), "mem", p.name, opt)
				wantError(t, err, rpcx.Unavailable, true)
				x := client.NewXClient("S", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(p.key(), ""), opt)
				closing(t, x)
				wantError(t, x.Call(context.Background(), "M", []byte("x"), new([]byte)), rpcx.Unavailable, true)
				if took := time.Since(began); took != 2*want {
					t.Errorf("two dials took %v, want %v each", took, want)
				}
			})
		})
	}
}

// Clients are closed in the middle of everything: every call returns, with its reply or
// with Canceled, and nothing is left behind.
func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, string(m.Payload)) })
	for range 30 {
		x := client.NewXClient("S", client.Failover, client.RandomSelect, client.NewPeer2PeerDiscovery(p.key(), ""),
			p.option(client.Option{ConnsPerServer: 2, Heartbeat: true, OnPush: func(*protocol.Message) {}}))
		started := make(chan struct{}, 8)
		var callers sync.WaitGroup
		for range cap(started) {
			callers.Go(func() {
				started <- struct{}{}
				for {
					var reply []byte
					err := x.Call(context.Background(), "M", []byte("x"), &reply)
					switch {
					case err == nil && string(reply) == "x":
					case errors.Is(err, rpcx.Canceled):
						return
					default:
						t.Errorf("got %q, %v", reply, err)
						return
					}
				}
			})
		}
		for range cap(started) {
			<-started
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		callers.Wait()
	}
}
