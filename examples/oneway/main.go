// SPDX-License-Identifier: Apache-2.0

// The example sends calls that are not answered.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	seen := make(chan string)
	s := server.NewServer()
	err := server.Handle(s, "Log", "Write", func(_ context.Context, line *string, _ *struct{}) error {
		seen <- *line
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Log", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()

	// It returns once the connection has taken the request.
	if err := x.Oneshot(context.Background(), "Write", "first"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-seen)

	// A call without a reply to fill is the same.
	if err := x.Call(context.Background(), "Write", "second", nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-seen)

	// Nobody says whether a one-way call arrived anywhere.
	fmt.Println(x.Oneshot(context.Background(), "NoSuchMethod", "third"))
}
