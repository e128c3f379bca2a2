// SPDX-License-Identifier: Apache-2.0

// The example is a proxy: it passes frames on without knowing what is in them.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	backend := server.NewServer()
	if err := backend.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go backend.Serve("tcp", "127.0.0.1:0")
	<-backend.Started()
	defer backend.Close()
	toBackend := dial(backend)
	defer toBackend.Close()

	forward := func(ctx context.Context, in, out *protocol.Message) error {
		fmt.Printf("proxy: %s.%s, %d bytes of %s\n", in.Service, in.Method, len(in.Payload), in.Serialize)
		md, payload, err := toBackend.SendRaw(ctx, in)
		out.Metadata, out.Payload = rpcx.NewMetadata(md), payload
		return err
	}
	proxy := server.NewServer()
	err := errors.Join(proxy.HandleRaw("Arith", "Mul", forward), proxy.HandleRaw("Arith", "Div", forward))
	if err != nil {
		log.Fatal(err)
	}
	go proxy.Serve("tcp", "127.0.0.1:0")
	<-proxy.Started()
	defer proxy.Close()

	x := dial(proxy)
	defer x.Close()
	reply := new(arith.Reply)
	if err := x.Call(context.Background(), "Mul", &arith.Args{A: 6, B: 7}, reply); err != nil {
		log.Fatal(err)
	}
	fmt.Println("Mul:", reply.C)
	err = x.Call(context.Background(), "Div", &arith.Args{A: 6, B: 0}, reply)
	fmt.Println("Div:", rpcx.CodeOf(err), "-", err)

	// A client may make its frames by hand as well.
	_, payload, err := x.SendRaw(context.Background(), &protocol.Message{
		Header:  protocol.Header{Serialize: protocol.JSON},
		Method:  "Mul",
		Payload: []byte(`{"A":3,"B":5}`),
	})
	fmt.Println("by hand:", string(payload), err)
}

func dial(s *server.Server) *client.XClient {
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	return client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.DefaultOption)
}
