// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx"
)

type (
	Args  struct{ A, B int }
	Reply struct{ C int }
)

// Arith is a service: any type whose methods look like these.
type Arith struct {
	stopped chan time.Duration // how long each Sleep lasted
}

// Mul is what the README shows.
func (t *Arith) Mul(ctx context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

// Div returns an error that callers can tell from others.
func (t *Arith) Div(ctx context.Context, args *Args, reply *Reply) error {
	if args.B == 0 {
		return rpcx.Errorf(rpcx.InvalidArgument, "division by zero")
	}
	reply.C = args.A / args.B
	return nil
}

// Sleep works until its caller does not want the result any more.
func (t *Arith) Sleep(ctx context.Context, args *Args, reply *Reply) error {
	began := time.Now()
	<-ctx.Done()
	t.stopped <- time.Since(began)
	return ctx.Err()
}
