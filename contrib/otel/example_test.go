// SPDX-License-Identifier: Apache-2.0

package rpcxotel_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/rpcx-go/rpcx/client"
	rpcxotel "github.com/rpcx-go/rpcx/contrib/otel"
	"github.com/rpcx-go/rpcx/server"
)

func Example() {
	exporter := tracetest.NewInMemoryExporter() // a program has otlptracegrpc.New here
	provider := trace.NewTracerProvider(trace.WithSyncer(exporter))
	tracing := rpcxotel.New(rpcxotel.Config{TracerProvider: provider})

	s := server.NewServer(server.WithObserver(tracing))
	if err := s.RegisterFunctionName("Math", "Double", double, ""); err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	<-s.Started()
	defer func() { s.Close(); <-served }()
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Math", client.Failfast, client.RandomSelect, d, client.Option{Observer: tracing})
	defer x.Close()
	n, m := 21, 0
	fmt.Println(x.Call(context.Background(), "Double", &n, &m), m)

	spans := exporter.GetSpans() // in the order in which they ended
	for _, s := range spans {
		fmt.Println(s.SpanKind, s.Name, s.SpanContext.TraceID() == spans[0].SpanContext.TraceID())
	}
	// Output:
	// <nil> 42
	// server Math/Double true
	// client Math/Double true
	// internal Math/Double true
}
