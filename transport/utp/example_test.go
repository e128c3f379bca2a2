// SPDX-License-Identifier: Apache-2.0

package utp_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/utp"
)

func Example() {
	tr := utp.New()
	s := server.NewServer(server.WithTransport(tr))
	err := server.Handle(s, "Greeter", "Hello", func(_ context.Context, name, greeting *string) error {
		*greeting = "hello, " + *name
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = s.Serve("utp", "127.0.0.1:0") }()
	<-s.Started()
	defer s.Close()

	xclient := client.NewXClient("Greeter", client.Failtry, client.RandomSelect,
		client.NewPeer2PeerDiscovery("utp@"+s.Address().String(), ""),
		client.Option{Transports: []transport.Transport{tr}, Heartbeat: true})
	defer xclient.Close()
	name, greeting := "utp", ""
	if err := xclient.Call(context.Background(), "Hello", &name, &greeting); err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
	// Output: hello, utp
}
