// SPDX-License-Identifier: Apache-2.0

package rpcx_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rpcx-go/rpcx"
)

// Errors carry a kind, a text for people and facts for programs.
func ExampleErrorf() {
	err := fmt.Errorf("load profile: %w", rpcx.Errorf(rpcx.NotFound, "no user %d", 7).WithDetail("user", "7"))

	fmt.Println(err)
	fmt.Println(errors.Is(err, rpcx.NotFound), rpcx.CodeOf(err))
	var e *rpcx.Error
	if errors.As(err, &e) {
		fmt.Println("user", e.Detail("user"))
	}
	// Output:
	// load profile: no user 7
	// true not found
	// user 7
}

// A handler that refuses a call before it did anything says so, and how long the
// caller should wait.
func ExampleError_NotExecuted() {
	err := rpcx.Errorf(rpcx.ResourceExhausted, "queue is full").WithPause(200 * time.Millisecond).NotExecuted()

	fmt.Println(rpcx.SafeToRetry(err), err.Pause())
	// Output: true 200ms
}

// Metadata travels with every call that is made with the context.
func ExampleWithMetadata() {
	ctx := rpcx.WithMetadata(context.Background(), rpcx.Pairs("tenant", "blue"))
	ctx = rpcx.WithMetadata(ctx, rpcx.Pairs("trace", "abc"))

	for k, v := range rpcx.OutgoingMetadata(ctx).All() {
		fmt.Println(k, v)
	}
	// Output:
	// tenant blue
	// trace abc
}

// An interceptor runs around each call, on a client as on a server.
func ExampleInterceptor() {
	timed := rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			err := next(ctx, c)
			fmt.Printf("%s.%s: %v\n", c.Service, c.Method, err)
			return err
		}
	}}

	serve := rpcx.Chain([]rpcx.Interceptor{timed}, func(context.Context, *rpcx.Call) error { return nil })
	_ = serve(context.Background(), &rpcx.Call{Service: "Arith", Method: "Mul"})
	// Output: Arith.Mul: <nil>
}
