// SPDX-License-Identifier: Apache-2.0

package rpcxprometheus_test

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rpcx-go/rpcx/client"
	rpcxprometheus "github.com/rpcx-go/rpcx/contrib/prometheus"
	"github.com/rpcx-go/rpcx/server"
)

func Example() {
	metrics := rpcxprometheus.New(rpcxprometheus.Config{})
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)

	s := server.NewServer(server.WithObserver(metrics))
	if err := s.RegisterFunctionName("Math", "Double", double, ""); err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve("tcp", "127.0.0.1:0") }()
	<-s.Started()
	defer func() { s.Close(); <-served }()
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Math", client.Failfast, client.RandomSelect, d, client.Option{Observer: metrics})
	defer x.Close()
	n, m := 21, 0
	fmt.Println(x.Call(context.Background(), "Double", &n, &m), m)

	families, err := registry.Gather() // a program has promhttp.Handler do this
	if err != nil {
		fmt.Println(err)
	}
	for _, f := range families {
		if f.GetName() == "rpcx_server_calls_total" {
			fmt.Println(f.GetName(), f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	// Output:
	// <nil> 42
	// rpcx_server_calls_total 1
}
