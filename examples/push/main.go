// SPDX-License-Identifier: Apache-2.0

// The example has a server that sends messages nobody asked for: to one client, and
// to all of them.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// Chat pushes to whoever has joined.
type Chat struct{}

// Join greets the caller, and nobody else.
func (*Chat) Join(ctx context.Context, name *string, _ *struct{}) error {
	conn := server.ConnFrom(ctx) // may be kept, and pushed to at any time
	return conn.Push(ctx, "Chat", "Welcome", rpcx.Metadata{}, []byte("welcome, "+*name))
}

func main() {
	s := server.NewServer()
	if err := s.RegisterName("Chat", new(Chat), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")

	// Ada takes messages from a channel.
	forAda := make(chan *protocol.Message, 10)
	ada := client.NewXClient("Chat", client.Failfast, client.RandomSelect, d, client.Option{Pushes: forAda})
	defer ada.Close()

	// Bob has a function for them.
	forBob := make(chan string, 10)
	bob := client.NewXClient("Chat", client.Failfast, client.RandomSelect, d, client.Option{
		OnPush: func(m *protocol.Message) { forBob <- m.Method + ": " + string(m.Payload) },
	})
	defer bob.Close()

	if err := ada.Call(context.Background(), "Join", "Ada", &struct{}{}); err != nil {
		log.Fatal(err)
	}
	if err := bob.Call(context.Background(), "Join", "Bob", &struct{}{}); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("to Ada: %s\n", (<-forAda).Payload)
	fmt.Printf("to Bob: %s\n", <-forBob)

	err := s.PushAll(context.Background(), "Chat", "News", rpcx.Metadata{}, []byte("lunch is ready"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("to Ada: %s\n", (<-forAda).Payload)
	fmt.Printf("to Bob: %s\n", <-forBob)
}
