// SPDX-License-Identifier: Apache-2.0

package kcp_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/kcp"
)

func Example() {
	cipher, err := kcp.AES(kcp.DeriveKey("rpcx-key", "rpcx-salt"))
	if err != nil {
		log.Fatal(err)
	}
	tr := kcp.New(kcp.Config{Cipher: cipher})
	s := server.NewServer(server.WithTransport(tr))
	err = server.Handle(s, "Greeter", "Hello", func(_ context.Context, name, greeting *string) error {
		*greeting = "hello, " + *name
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = s.Serve("kcp", "127.0.0.1:0") }()
	<-s.Started()
	defer s.Close()

	xclient := client.NewXClient("Greeter", client.Failtry, client.RandomSelect,
		client.NewPeer2PeerDiscovery("kcp@"+s.Address().String(), ""),
		client.Option{Transports: []transport.Transport{tr}, Heartbeat: true})
	defer xclient.Close()
	name, greeting := "kcp", ""
	if err := xclient.Call(context.Background(), "Hello", &name, &greeting); err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
	// Output: hello, kcp
}
