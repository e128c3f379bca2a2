// SPDX-License-Identifier: Apache-2.0

// The example hands a deadline on over two hops: caller, front, back.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

const patience = time.Second

// Front passes calls on to Back.
type Front struct{ back *client.XClient }

// Ask makes a call of its own with the context that it was given.
func (f *Front) Ask(ctx context.Context, question *string, answer *string) error {
	return f.back.Call(ctx, "Ask", question, answer)
}

// Back is slow.
type Back struct{ stopped chan struct{} }

// Ask thinks until its caller's caller is out of time.
func (b *Back) Ask(ctx context.Context, _ *string, _ *string) error {
	deadline, ok := ctx.Deadline()
	fmt.Println("back has a deadline:", ok, "- at most the caller's:", time.Until(deadline) <= patience)
	<-ctx.Done()
	close(b.stopped)
	return ctx.Err()
}

func main() {
	back := &Back{stopped: make(chan struct{})}
	toBack, closeBack := serve("Back", back)
	defer closeBack()
	toFront, closeFront := serve("Front", &Front{back: toBack})
	defer closeFront()

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := toFront.Call(ctx, "Ask", "what is the answer?", new(string))
	fmt.Println("caller:", rpcx.CodeOf(err))
	<-back.stopped
	fmt.Println("back has stopped")
}

// serve offers a service and returns a client of it.
func serve(name string, service any) (x *client.XClient, stop func()) {
	s := server.NewServer()
	if err := s.RegisterName(name, service, ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x = client.NewXClient(name, client.Failfast, client.RandomSelect, d, client.DefaultOption)
	return x, func() {
		x.Close()
		s.Close()
	}
}
