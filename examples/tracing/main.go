// SPDX-License-Identifier: Apache-2.0

// The example traces a call over two hops with OpenTelemetry, and sends the spans by
// OTLP over HTTP to a collector, for which a small one in the same process stands.
package main

import (
	"context"
	"fmt"
	"log"
	"net"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/rpcx-go/rpcx/client"
	rpcxotel "github.com/rpcx-go/rpcx/contrib/otel"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

// serve serves something until the program ends, and returns a client of it.
func serve(name string, rcvr any, tracing *rpcxotel.Observer) *client.XClient {
	s := server.NewServer(server.WithObserver(tracing))
	if err := s.RegisterName(name, rcvr, ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	return client.NewXClient(name, client.Failfast, client.RandomSelect, d, client.Option{Observer: tracing})
}

// Front is a service that calls another one.
type Front struct{ back *client.XClient }

// Square makes its call with the context that it was given, so the trace goes on.
func (f *Front) Square(ctx context.Context, n *int, reply *arith.Reply) error {
	return f.back.Call(ctx, "Mul", &arith.Args{A: *n, B: *n}, reply)
}

func main() {
	ctx := context.Background()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	collected := collect(web)

	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithInsecure(), otlptracehttp.WithEndpoint(web.Addr().String()))
	if err != nil {
		log.Fatal(err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter))
	tracing := rpcxotel.New(rpcxotel.Config{TracerProvider: provider})

	back := serve("Arith", new(arith.Arith), tracing)
	front := serve("Front", &Front{back: back}, tracing)
	n, reply := 7, new(arith.Reply)
	fmt.Println(front.Call(ctx, "Square", &n, reply), reply.C)

	if err := provider.Shutdown(ctx); err != nil { // sends what is left
		log.Fatal(err)
	}
	collected.print()
}
