// SPDX-License-Identifier: Apache-2.0

// Package arith is the service that most examples call.
package arith

import (
	"context"

	"github.com/rpcx-go/rpcx"
)

// Args are two numbers.
type Args struct{ A, B int }

// Reply is what comes of them.
type Reply struct{ C int }

// Arith calculates.
type Arith struct{}

// Mul multiplies.
func (*Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

// Div divides, unless B is zero.
func (*Arith) Div(_ context.Context, args *Args, reply *Reply) error {
	if args.B == 0 {
		return rpcx.Errorf(rpcx.InvalidArgument, "division by zero")
	}
	reply.C = args.A / args.B
	return nil
}
