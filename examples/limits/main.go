// SPDX-License-Identifier: Apache-2.0

// The example sets its own limits on what a peer can make a server hold.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// limits are those of frames, for both sides. What is zero keeps its default.
func limits() protocol.Limits {
	return protocol.Limits{Frame: 64 << 10, Payload: 256 << 10}
}

func main() {
	s := server.NewServer(server.WithLimits(server.Limits{
		Limits:          limits(),
		Connections:     1000,
		HandlersPerConn: 16,
		IdleTimeout:     time.Minute,
	}))
	err := server.Handle(s, "Echo", "Echo", func(_ context.Context, in *[]byte, out *[]byte) error {
		*out = *in
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")

	// A client with the same limits fails the call that is too large, and that one only.
	x := client.NewXClient("Echo", client.Failfast, client.RandomSelect, d, client.Option{Limits: limits()})
	defer x.Close()
	try := func(name string, n int) {
		var back []byte
		err := x.Call(context.Background(), "Echo", bytes.Repeat([]byte("x"), n), &back)
		fmt.Printf("%s: %d bytes came back, too large: %t\n", name, len(back), errors.Is(err, rpcx.ResourceExhausted))
	}
	try("32 KiB", 32<<10)
	try("64 KiB", 64<<10)
	try("1 KiB", 1<<10)
}
