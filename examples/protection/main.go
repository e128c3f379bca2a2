// SPDX-License-Identifier: Apache-2.0

// The example lets only some in, and not too often.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/netip"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/middleware"
	"github.com/rpcx-go/rpcx/server"
)

// Guard is an observer that prints what the server refuses.
type Guard struct{}

// CallStart implements rpcx.Observer.
func (Guard) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

// CallEnd implements rpcx.Observer.
func (Guard) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult) {}

// ServerEvent makes it an rpcx.ServerObserver.
func (Guard) ServerEvent(e *rpcx.ServerEvent) {
	fmt.Println("-", e.Kind, e.Service+"."+e.Method)
}

func main() {
	list := middleware.NewIPList(middleware.IPListConfig{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	s := server.NewServer(
		server.WithAccess(list),
		server.WithRateLimit(server.RateLimit{Rate: 1, Burst: 2}),
		server.WithLimits(server.Limits{ConnectionsPerPeer: 100}),
		server.WithObserver(Guard{}),
		server.WithLogger(slog.New(slog.DiscardHandler)), // the observer prints
	)
	err := server.Handle(s, "Shop", "Order", func(_ context.Context, _ *string, _ *string) error { return nil })
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Shop", client.Failfast, client.RandomSelect, d, client.Option{})
	defer x.Close()
	// Nobody waits for this: under overload it is refused before other calls.
	ctx := rpcx.WithPriority(context.Background(), rpcx.LowPriority)
	for range 3 {
		var receipt string
		err := x.Call(ctx, "Order", "tea", &receipt)
		var e *rpcx.Error
		if errors.As(err, &e) {
			fmt.Println(e.Code(), "- not executed:", rpcx.SafeToRetry(err), "- come again in a second:", e.Pause() > 0)
			continue
		}
		fmt.Println("ordered")
	}
}
