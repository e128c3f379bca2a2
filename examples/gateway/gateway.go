// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rpcx-go/rpcx/client"
	rpcxprometheus "github.com/rpcx-go/rpcx/contrib/prometheus"
	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/memory"
	"github.com/rpcx-go/rpcx/registry/static"
)

// settings is what the flags say.
type settings struct{ services, hosts, origins []string }

// newGateway returns a gateway with metrics, and documents of the services that it names.
func newGateway(resolver registry.Resolver, s settings) (*proxy.Proxy, error) {
	metrics := rpcxprometheus.New(rpcxprometheus.Config{})
	collected := prometheus.NewRegistry()
	collected.MustRegister(metrics)

	var allow []string
	for _, name := range s.services {
		allow = append(allow, name+".*")
	}
	gw, err := proxy.New(client.Failover, client.RandomSelect, resolver, proxy.Config{
		Client:   client.Option{Observer: metrics},
		Allow:    allow,
		Timeout:  10 * time.Second,
		PeerRate: proxy.Rate{PerSecond: 100, Burst: 200},
		Hosts:    s.hosts,
		Origins:  s.origins,
	})
	if err != nil {
		return nil, err
	}
	docs := openapi.Handler(gw.Describe(s.services...), openapi.Config{Title: "Gateway"})
	if err := gw.HandleHTTP("GET /docs/", http.StripPrefix("/docs", docs)); err != nil {
		return nil, err
	}
	// Of a gateway that strangers reach, let /metrics listen on a port of its own.
	if err := gw.HandleHTTP("GET /metrics", promhttp.HandlerFor(collected, promhttp.HandlerOpts{})); err != nil {
		return nil, err
	}
	return gw, nil
}

// list is a resolver of servers that have every service.
func list(addrs []string) (registry.Resolver, error) {
	var instances []registry.Instance
	for _, key := range addrs {
		network, addr, err := registry.ParseKey(key)
		if err != nil {
			return nil, err
		}
		instances = append(instances, registry.Instance{Network: network, Addr: addr})
	}
	return static.New(instances...), nil
}

// notice is how long balancers have to see that the gateway leaves.
const notice = 5 * time.Second

// serve serves until somebody asks the process to end.
func serve(gw *proxy.Proxy, addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- gw.Serve(ln) }()
	log.Printf("gateway on %s", ln.Addr())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		stop() // the next signal ends the process at once
	}
	gw.Drain()
	time.Sleep(notice)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return gw.Shutdown(ctx)
}

// wait waits until a registry knows services.
func wait(services *memory.Registry, names ...string) {
	for _, name := range names {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		_ = services.Watch(ctx, name, func(found []registry.Instance) {
			if len(found) > 0 {
				cancel()
			}
		})
		if ctx.Err() == context.DeadlineExceeded {
			log.Fatal(fmt.Errorf("nobody has %s", name))
		}
		cancel()
	}
}
