// SPDX-License-Identifier: Apache-2.0

package rpcxotel_test

import (
	"context"
	"sync"
	"testing"

	api "go.opentelemetry.io/otel/trace"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	rpcxotel "github.com/rpcx-go/rpcx/contrib/otel"
	"github.com/rpcx-go/rpcx/server"
)

// Attempts that are under way at the same time have contexts of their own.
func TestConcurrentAttempts(t *testing.T) {
	t.Parallel()
	l := newLab(rpcxotel.Config{})
	var mu sync.Mutex
	parents := make(map[string]bool)
	var servers []*client.KVPair
	for range 2 {
		s := server.NewServer()
		err := s.RegisterFunctionName("Math", "Double", func(ctx context.Context, _ *int, _ *int) error {
			mu.Lock()
			defer mu.Unlock()
			parents[rpcx.IncomingMetadata(ctx).Get("traceparent")] = true
			return nil
		}, "")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
		<-s.Started()
		t.Cleanup(func() {
			_ = s.Close()
			<-served
		})
		servers = append(servers, &client.KVPair{Key: "tcp@" + s.Address().String()})
	}
	x := client.NewXClient("Math", client.Failfast, client.RandomSelect,
		client.NewMultipleServersDiscovery(servers), client.Option{Observer: l})
	defer x.Close()
	if err := x.Broadcast(t.Context(), "Double", new(int), new(int)); err != nil {
		t.Fatal(err)
	}
	attempts := make(map[api.SpanID]bool)
	for _, s := range l.ended() {
		if s.SpanKind() == api.SpanKindClient {
			attempts[s.SpanContext().SpanID()] = true
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(attempts) != 2 || len(parents) != 2 {
		t.Errorf("%d attempts with %d contexts, want 2 and 2", len(attempts), len(parents))
	}
}
