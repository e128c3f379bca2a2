// SPDX-License-Identifier: Apache-2.0

// The example gives a call up, and its handler stops.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

// Report is a service that writes reports.
type Report struct{ begun, stopped chan struct{} }

// Write writes a short report at once. At a long one it works until nobody wants it
// any more.
func (r *Report) Write(ctx context.Context, title *string, text *string) error {
	if *title == "short" {
		*text = "all is well"
		return nil
	}
	close(r.begun)
	<-ctx.Done()
	close(r.stopped)
	return ctx.Err()
}

func main() {
	report := &Report{begun: make(chan struct{}), stopped: make(chan struct{})}
	s := server.NewServer()
	if err := s.RegisterName("Report", report, ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Report", client.Failfast, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()

	var text string
	if err := x.Call(context.Background(), "Write", "short", &text); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the short report:", text)

	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-report.begun
		cancel()
	}()
	err := x.Call(ctx, "Write", "long", &text)
	fmt.Println("the long report was canceled:", errors.Is(err, context.Canceled))
	<-report.stopped
	fmt.Println("its handler has stopped")
}
