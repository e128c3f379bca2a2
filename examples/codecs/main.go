// SPDX-License-Identifier: Apache-2.0

// The example makes the same call in every encoding that there is.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/thrift"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/examples/internal/arithpb"
	"github.com/rpcx-go/rpcx/examples/internal/ariththrift"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	s := server.NewServer(server.WithCodec(thrift.Codec{})) // the others are built in
	err := errors.Join(
		s.RegisterName("Arith", new(arith.Arith), ""), // Mul takes any codec that knows plain structs
		server.Handle(s, "Arith", "MulPB", func(_ context.Context, in *arithpb.Args, out *arithpb.Reply) error {
			out.C = in.GetA() * in.GetB()
			return nil
		}),
		server.Handle(s, "Arith", "MulThrift", func(_ context.Context, in *ariththrift.Numbers, out *ariththrift.Number) error {
			out.C = in.A * in.B
			return nil
		}),
		server.Handle(s, "Arith", "MulBytes", func(_ context.Context, in *[]byte, out *[]byte) error {
			*out = []byte{(*in)[0] * (*in)[1]}
			return nil
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d,
		client.Option{Codecs: []codec.Codec{thrift.Codec{}}})
	defer x.Close()
	call := func(t protocol.SerializeType, method string, args, reply any) {
		if err := x.Call(context.Background(), method, args, reply, client.WithSerializeType(t)); err != nil {
			log.Fatal(err)
		}
		fmt.Println(t)
	}

	plain := new(arith.Reply)
	call(protocol.MsgPack, "Mul", &arith.Args{A: 6, B: 7}, plain)
	call(protocol.JSON, "Mul", &arith.Args{A: 6, B: 7}, plain)
	pb := new(arithpb.Reply)
	call(protocol.ProtoBuffer, "MulPB", &arithpb.Args{A: 6, B: 7}, pb)
	th := new(ariththrift.Number)
	call(protocol.Thrift, "MulThrift", &ariththrift.Numbers{A: 6, B: 7}, th)
	var bytes []byte
	call(protocol.SerializeNone, "MulBytes", []byte{6, 7}, &bytes)
	fmt.Println(plain.C, pb.GetC(), th.C, bytes[0])
}
