// SPDX-License-Identifier: Apache-2.0

//go:build !race

// These tests count on what a sync.Pool keeps. Under the race detector one drops
// things at random.

package client_test

import (
	"context"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/rpctest"
)

// What a call allocates on both sides together, over a connection in memory with a
// typed handler.
//
//nolint:paralleltest // counts allocations
func TestAllocationBudgets(t *testing.T) {
	s := rpctest.NewServer(t)
	handle(t, s.Server, "Bytes", echo)
	handle(t, s.Server, "Mul", func(_ context.Context, args *Args, reply *Reply) error {
		reply.C = args.A * args.B
		return nil
	})
	x := s.Client(t, "S", client.Option{})
	c := s.Dial(t, client.Option{})
	idle := rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc { return next }}
	intercepted := s.Client(t, "S", client.Option{
		Interceptors: []rpcx.Interceptor{idle}, AttemptInterceptors: []rpcx.Interceptor{idle},
	})
	ctx := context.Background()
	deadline, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tagged := rpcx.WithMetadata(ctx, rpcx.Pairs("trace", "0af7651916cd43dd8448eb211c80319c"))
	args, reply := &Args{A: 6, B: 7}, new(Reply)
	bytes, out := make([]byte, 581), new([]byte)
	frame := &protocol.Message{Service: "S", Method: "Bytes", Payload: bytes}

	const slack = 1 // the garbage collector empties pools
	tests := []struct {
		name     string
		measured float64
		call     func() error
	}{
		{"plain bytes", 6, func() error { return x.Call(ctx, "Bytes", bytes, out) }},
		{"MessagePack", 3, func() error { return x.Call(ctx, "Mul", args, reply) }},
		{"MessagePack, connection", 3, func() error { return c.Call(ctx, "S", "Mul", args, reply) }},
		{"JSON", 5, func() error { return x.Call(ctx, "Mul", args, reply, client.WithSerializeType(protocol.JSON)) }},
		{"deadline", 7, func() error { return x.Call(deadline, "Mul", args, reply) }},
		{"metadata", 4, func() error { return x.Call(tagged, "Mul", args, reply) }},
		{"interceptors", 4, func() error { return intercepted.Call(ctx, "Mul", args, reply) }},
		{"raw", 7, func() error { _, err := c.SendRaw(ctx, frame); return err }},
	}
	for _, tt := range tests {
		run := func() {
			if err := tt.call(); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 { // the connection and the pools are there
			run()
		}
		got := testing.AllocsPerRun(500, run)
		if got > tt.measured+slack {
			t.Errorf("%s: %v allocations, it was %v when this was written", tt.name, got, tt.measured)
		}
		if got < tt.measured-slack {
			t.Errorf("%s: %v allocations, and no longer %v: lower the number", tt.name, got, tt.measured)
		}
	}
	if reply.C != 42 {
		t.Errorf("6 times 7 is %d", reply.C)
	}
}
