// SPDX-License-Identifier: Apache-2.0

// The example looks at everything that an error tells.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

// Order is what a customer wants.
type Order struct{ Item string }

func buy(_ context.Context, order *Order, _ *struct{}) error {
	switch order.Item {
	case "unicorn":
		return rpcx.Errorf(rpcx.NotFound, "no %s in stock", order.Item).WithDetail("warehouse", "north")
	case "ticket": // nothing was done, so the caller may try again, but not at once
		return rpcx.Errorf(rpcx.ResourceExhausted, "too many customers").WithPause(2 * time.Second).NotExecuted()
	case "bug":
		return errors.New("something else") // of no code, which is rpcx.Unknown
	}
	return nil
}

func main() {
	s := server.NewServer()
	if err := server.Handle(s, "Shop", "Buy", buy); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Shop", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	order := func(item string) error {
		return x.Call(context.Background(), "Buy", &Order{item}, &struct{}{})
	}

	err := order("unicorn")
	var e *rpcx.Error
	if errors.Is(err, rpcx.NotFound) && errors.As(err, &e) {
		fmt.Printf("%v; look elsewhere than in the %s\n", e, e.Detail("warehouse"))
	}

	err = order("ticket")
	if rpcx.SafeToRetry(err) && errors.As(err, &e) {
		fmt.Printf("%v (%v) by the server: %t; try again in %v\n", e, e.Code(), e.Remote(), e.Pause())
	}

	err = order("bug")
	fmt.Println(rpcx.CodeOf(err), "error:", err)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err = x.Call(ctx, "Buy", &Order{"apple"}, &struct{}{})
	errors.As(err, &e)
	fmt.Println("canceled:", errors.Is(err, context.Canceled), "by the server:", e.Remote(), "ran:", !rpcx.SafeToRetry(err))
}
