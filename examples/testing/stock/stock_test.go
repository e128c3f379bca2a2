// SPDX-License-Identifier: Apache-2.0

package stock_test

import (
	"context"
	"errors"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/testing/stock"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/server"
)

// A service is called as its users call it: over a connection, with the real codecs.
func TestTake(t *testing.T) {
	t.Parallel()
	x := rpctest.Serve(t, "Stock", stock.New(map[string]int{"pear": 2}))

	var left int
	if err := x.Call(t.Context(), "Take", &stock.Order{Item: "pear", Count: 2}, &left); err != nil || left != 0 {
		t.Errorf("2 of 2 pears: %d left, %v", left, err)
	}
	err := x.Call(t.Context(), "Take", &stock.Order{Item: "pear", Count: 1}, &left)
	if !errors.Is(err, rpcx.FailedPrecondition) {
		t.Errorf("no pears: %v, want %v", err, rpcx.FailedPrecondition)
	}
}

// Code that calls a service takes a client.Caller, and gets one that says what the
// test wants to hear.
func TestSellPassesErrorsOn(t *testing.T) {
	t.Parallel()
	down := caller(func(string, any, any) error { return rpcx.Errorf(rpcx.Unavailable, "no server") })
	if sold, err := stock.Sell(t.Context(), down, "pear"); sold || !errors.Is(err, rpcx.Unavailable) {
		t.Errorf("sold: %t, %v", sold, err)
	}
}

type caller func(method string, args, reply any) error

func (f caller) Call(_ context.Context, method string, args, reply any, _ ...client.CallOption) error {
	return f(method, args, reply)
}

// Several services, options and clients share a server that was made by hand.
func TestSell(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t, server.WithAuth(func(_ context.Context, _, _, token string) error {
		if token != "bearer till-1" {
			return errors.New("who are you?")
		}
		return nil
	}))
	if err := s.RegisterName("Stock", stock.New(map[string]int{"pear": 1}), ""); err != nil {
		t.Fatal(err)
	}
	x := s.Client(t, "Stock", client.DefaultOption)
	if _, err := stock.Sell(t.Context(), x, "pear"); !errors.Is(err, rpcx.Unauthenticated) {
		t.Errorf("without a token: %v, want %v", err, rpcx.Unauthenticated)
	}
	x.Auth("bearer till-1")
	for _, want := range []bool{true, false} { // there is one pear
		if sold, err := stock.Sell(t.Context(), x, "pear"); sold != want || err != nil {
			t.Errorf("sold: %t, %v; want %t", sold, err, want)
		}
	}
}
