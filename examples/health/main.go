// SPDX-License-Identifier: Apache-2.0

// The example takes a server out of use that has lost what it needs, and back in.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

// Watch is an observer that is told when servers stop to serve, and when they serve again.
type Watch struct{ seen chan string }

// CallStart implements rpcx.Observer.
func (w *Watch) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

// CallEnd implements rpcx.Observer.
func (w *Watch) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult) {}

// ClientEvent makes it an rpcx.EventObserver.
func (w *Watch) ClientEvent(e *rpcx.Event) {
	if e.Kind == rpcx.ServerUnhealthy || e.Kind == rpcx.ServerHealthy {
		w.seen <- e.Kind.String()
	}
}

// start starts a server that answers with its name.
func start(name string) *server.Server {
	s := server.NewServer()
	err := errors.Join(
		server.Handle(s, "Shop", "Name", func(_ context.Context, _ *struct{}, reply *string) error {
			*reply = name
			return nil
		}),
		s.HandleHTTP("GET /readyz", s.ReadyHandler()),
		s.HandleHTTP("GET /livez", s.LiveHandler()),
	)
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	return s
}

func main() {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the events are printed
	north, south := start("north"), start("south")
	defer north.Close()
	defer south.Close()

	w := &Watch{seen: make(chan string, 1)}
	d := client.NewMultipleServersDiscovery([]*client.KVPair{
		{Key: "tcp@" + north.Address().String()}, {Key: "tcp@" + south.Address().String()},
	})
	x := client.NewXClient("Shop", client.Failover, client.RoundRobin, d, client.Option{
		HealthCheck: true,
		Observer:    w,
	})
	defer x.Close()
	ask := func() {
		count := map[string]int{}
		for range 10 {
			var name string
			if err := x.Call(context.Background(), "Name", &struct{}{}, &name); err != nil {
				log.Fatal(err)
			}
			count[name]++
		}
		fmt.Println(count)
	}

	ask()
	// south has lost its database.
	south.SetHealth("Shop", server.NotServing)
	fmt.Println(<-w.seen)
	ask()
	south.SetHealth("Shop", server.Serving)
	fmt.Println(<-w.seen)
	ask()

	// A probe asks about the server as a whole.
	north.SetHealth("", server.NotServing)
	fmt.Println("ready:", probe(north, "/readyz"), probe(south, "/readyz"), "alive:", probe(north, "/livez"))
}

// probe asks as Kubernetes does, and returns the status.
func probe(s *server.Server, path string) int {
	res, err := http.Get("http://" + s.Address().String() + path)
	if err != nil {
		log.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
