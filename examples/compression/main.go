// SPDX-License-Identifier: Apache-2.0

// The example compresses arguments, and shows which of them travel compressed.
package main

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/compress/zstd"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

func count(_ context.Context, text *string, words *int) error {
	*words = len(strings.Fields(*text))
	return nil
}

// sizes prints whether arguments were made smaller. Only attempts have a size.
type sizes struct{}

func (sizes) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

func (sizes) CallEnd(_ context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	if info.Attempt > 0 {
		fmt.Println("  compressed:", result.RequestBytes < 1000)
	}
}

func main() {
	fmt.Println("to a server that knows gzip:")
	send(server.NewServer())
	fmt.Println("to a server that knows zstd as well:")
	s := server.NewServer(server.WithCompressor(zstd.New()))
	send(s)
}

func send(s *server.Server) {
	if err := server.Handle(s, "Words", "Count", count); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Words", client.Failfast, client.RandomSelect, d, client.Option{
		CompressType: protocol.Gzip, // unless a call wants something else
		Compressors:  []compress.Compressor{zstd.New()},
		Observer:     sizes{},
	})
	defer x.Close()
	poem := strings.Repeat("a rose is a rose is ", 500)
	for _, opt := range []client.CallOption{
		client.WithCompressType(protocol.None),
		nil,
		client.WithCompressType(zstd.Type), // only to a server that has said it knows it
	} {
		if err := x.Call(context.Background(), "Count", poem, new(int), opt); err != nil {
			log.Fatal(err)
		}
	}
}
