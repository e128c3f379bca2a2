// SPDX-License-Identifier: Apache-2.0

// The program serves until it is told to end, and then loses no call.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rpcx-go/rpcx/server"
)

// Args are the factors.
type Args struct{ A, B int }

// Reply is their product.
type Reply struct{ C int }

// Arith multiplies, slowly.
type Arith struct{}

// Mul takes a tenth of a second, so that a shutdown has something to wait for.
func (*Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	time.Sleep(100 * time.Millisecond)
	reply.C = args.A * args.B
	return nil
}

func main() {
	s := server.NewServer()
	if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		stop() // the next signal ends the process at once
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		stopped <- s.Shutdown(ctx)
	})
	if err := s.Serve("tcp", "127.0.0.1:8972"); !errors.Is(err, server.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-stopped; err != nil {
		log.Fatal(err)
	}
}
