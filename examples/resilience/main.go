// SPDX-License-Identifier: Apache-2.0

// The example lets one of two servers go wrong, and shows how the client notices, keeps
// away from it, and comes back.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

// Stock is a service that may go wrong.
type Stock struct{ broken atomic.Bool }

// Count fails while the server is broken.
func (s *Stock) Count(_ context.Context, _ *string, n *int) error {
	if s.broken.Load() {
		return rpcx.Errorf(rpcx.Internal, "disk full")
	}
	*n = 7
	return nil
}

// Watch prints what the client does about servers that fail, and notes when it is done.
type Watch struct{ closed atomic.Bool }

// ClientEvent makes it an rpcx.EventObserver.
func (w *Watch) ClientEvent(e *rpcx.Event) {
	fmt.Println("-", e.Kind)
	if e.Kind == rpcx.BreakerClosed {
		w.closed.Store(true)
	}
}

// CallStart and CallEnd make it an rpcx.Observer, which has nothing to say about calls.
func (w *Watch) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

// CallEnd does nothing.
func (w *Watch) CallEnd(context.Context, *rpcx.CallInfo, *rpcx.CallResult) {}

func main() {
	bad, watch := new(Stock), new(Watch)
	bad.broken.Store(true)
	d := client.NewMultipleServersDiscovery([]*client.KVPair{
		{Key: "tcp@" + serve(new(Stock))},
		{Key: "tcp@" + serve(bad)},
	})
	x := client.NewXClient("Stock", client.Failfast, client.RoundRobin, d, client.Option{
		Breaker:  client.Breaker{Pause: 200 * time.Millisecond}, // to be quick; the default is 1 s
		Ejection: client.Ejection{Pause: 50 * time.Millisecond},
		Observer: watch,
		Logger:   slog.New(slog.DiscardHandler), // it would say the same
	})
	defer x.Close()
	count := func() error { return x.Call(context.Background(), "Count", "apples", new(int)) }

	failed := 0
	for range 100 {
		if count() != nil {
			failed++
		}
	}
	fmt.Println(failed, "of 100 calls failed")

	bad.broken.Store(false)
	for !watch.closed.Load() {
		if err := count(); err != nil {
			log.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println("both servers are in use again")

	later()
}

// later calls a service whose first server comes up after the call was made.
func later() {
	d := client.NewMultipleServersDiscovery(nil)
	x := client.NewXClient("Stock", client.Failfast, client.RoundRobin, d, client.DefaultOption)
	defer x.Close()
	var n int
	err := x.Call(context.Background(), "Count", "apples", &n)
	fmt.Println("without waiting:", rpcx.CodeOf(err))

	time.AfterFunc(50*time.Millisecond, func() {
		_ = d.Update([]*client.KVPair{{Key: "tcp@" + serve(new(Stock))}})
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = x.Call(ctx, "Count", "apples", &n, client.WaitForReady())
	fmt.Println("waiting:", n, err)
}

func serve(stock *Stock) (addr string) {
	s := server.NewServer()
	if err := s.RegisterName("Stock", stock, ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	return s.Address().String()
}
