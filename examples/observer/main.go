// SPDX-License-Identifier: Apache-2.0

// The example counts calls and connections, as an exporter of metrics does.
package main

import (
	"context"
	"fmt"
	"log"
	"maps"
	"slices"
	"sync"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

// Counter is told of everything that happens. It serves client and server alike.
type Counter struct {
	mu sync.Mutex // guards n
	n  map[string]int
}

func (c *Counter) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[what]++
}

// CallStart may put a value, such as a span, into the context that the call goes on with.
func (c *Counter) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

// CallEnd is called for each call, and on a client for each attempt at it.
func (c *Counter) CallEnd(_ context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	outcome := "ok"
	if result.Err != nil {
		outcome = rpcx.CodeOf(result.Err).String()
	}
	c.count(fmt.Sprintf("%v %s.%s attempt=%d: %s", info.Side, info.Service, info.Method, info.Attempt, outcome))
}

// ConnOpen and ConnClose make it an rpcx.ConnObserver as well.
func (c *Counter) ConnOpen(info *rpcx.ConnInfo) { c.count(info.Side.String() + " connection opened") }

// ConnClose is told why as well.
func (c *Counter) ConnClose(info *rpcx.ConnInfo, _ error) {
	c.count(info.Side.String() + " connection closed")
}

func main() {
	counter := &Counter{n: make(map[string]int)}
	s := server.NewServer(server.WithObserver(counter))
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.Option{Observer: counter})
	for b := range 3 {
		_ = x.Call(context.Background(), "Div", &arith.Args{A: 1, B: b}, new(arith.Reply)) // the counter sees it
	}
	x.Close()
	if err := s.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	for _, what := range slices.Sorted(maps.Keys(counter.n)) {
		fmt.Println(counter.n[what], what)
	}
}
