// SPDX-License-Identifier: Apache-2.0

//go:build !race

// As in alloc_test.go.

package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/protocol"
)

// still is a codec that allocates nothing, so that what a call allocates is ours.
type still struct{}

func (still) ID() protocol.SerializeType               { return 9 }
func (still) Name() string                             { return "still" }
func (still) Append(dst []byte, _ any) ([]byte, error) { return append(dst, 1), nil }
func (still) Unmarshal(_ []byte, v any) error          { v.(*Reply).C = 42; return nil }

var _ codec.Codec = still{}

// frugal answers every request on a port of the loopback interface, and allocates nothing
// for it. It returns its address.
func frugal(t testing.TB) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			ended <- err
			return
		}
		defer nc.Close()
		ended <- answer(nc)
	}()
	t.Cleanup(func() {
		ln.Close()
		if err := <-ended; err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("the server: %v", err)
		}
	})
	return ln.Addr().String()
}

func answer(nc net.Conn) error {
	in := protocol.NewReader(nc, protocol.Limits{})
	payload := []byte{1}
	var out []byte
	for {
		f, err := in.Next()
		if err != nil {
			return err
		}
		m := protocol.Message{Header: f.Header, Payload: payload}
		m.Type = protocol.Response
		if out, err = m.AppendBinary(out[:0]); err != nil {
			return err
		}
		if _, err := nc.Write(out); err != nil {
			return err
		}
	}
}

// What a call allocates on the client's side, codec and the caller's own apart.
//
//nolint:paralleltest // counts allocations
func TestClientAllocationBudget(t *testing.T) {
	const budget = 3
	ctx := context.Background()
	deadline, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tagged := rpcx.WithMetadata(ctx, rpcx.Pairs("trace", "0af7651916cd43dd8448eb211c80319c"))
	idle := rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc { return next }}
	plain := client.Option{SerializeType: 9, Codecs: []codec.Codec{still{}}}
	observed, intercepted := plain, plain
	observed.Observer = silent{}
	intercepted.Interceptors, intercepted.AttemptInterceptors = []rpcx.Interceptor{idle}, []rpcx.Interceptor{idle}
	for _, tt := range []struct {
		name   string
		ctx    context.Context //nolint:containedctx // of the calls
		opt    client.Option
		budget float64
	}{
		{"plain", ctx, plain, budget},
		{"metadata", tagged, plain, budget},
		{"observer", ctx, observed, budget},
		{"interceptors", ctx, intercepted, budget},
		{"deadline", deadline, plain, budget + 2}, // a lone caller watches it: see ADR 0015
	} {
		x := client.NewXClient("S", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery("tcp@"+frugal(t), ""), tt.opt)
		args, reply := new(Args), new(Reply)
		call := func() {
			if err := x.Call(tt.ctx, "M", args, reply); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 { // the connection and the pools are there
			call()
		}
		got := testing.AllocsPerRun(500, call)
		t.Logf("%s: %v", tt.name, got)
		if got > tt.budget || reply.C != 42 {
			t.Errorf("%s: %v allocations, at most %v are allowed; reply %v", tt.name, got, tt.budget, reply)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
}
