// SPDX-License-Identifier: Apache-2.0

// The program is a gateway in front of a list of servers.
package main

import (
	"errors"
	"log"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rpcx-go/rpcx/client"
	rpcxprometheus "github.com/rpcx-go/rpcx/contrib/prometheus"
	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/static"
)

func main() {
	metrics := rpcxprometheus.New(rpcxprometheus.Config{})
	collected := prometheus.NewRegistry()
	collected.MustRegister(metrics)

	servers := static.New(registry.Instance{Network: "tcp", Addr: "127.0.0.1:8972"}) // and more of them
	gw, err := proxy.New(client.Failover, client.RandomSelect, servers, proxy.Config{
		Client: client.Option{Observer: metrics},
		Allow:  []string{"Arith.*"},
	})
	if err != nil {
		log.Fatal(err)
	}
	docs := openapi.Handler(gw.Describe("Arith"), openapi.Config{Title: "Gateway"})
	err = errors.Join(
		gw.HandleHTTP("GET /docs/", http.StripPrefix("/docs", docs)),
		gw.HandleHTTP("GET /metrics", promhttp.HandlerFor(collected, promhttp.HandlerOpts{})),
	)
	if err != nil {
		log.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:9981")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(gw.Serve(ln))
}
