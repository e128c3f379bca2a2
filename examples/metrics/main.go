// SPDX-License-Identifier: Apache-2.0

// The example measures a server for Prometheus, and scrapes it as Prometheus does.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	rpcxprometheus "github.com/rpcx-go/rpcx/contrib/prometheus"
	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	metrics := rpcxprometheus.New(rpcxprometheus.Config{})
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)

	s := server.NewServer(server.WithObserver(metrics))
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Arith", client.Failfast, client.RandomSelect, d, client.Option{Observer: metrics})
	defer x.Close()
	// A caller that takes part in a trace: its id becomes an exemplar of the duration.
	traced := rpcx.WithMetadata(context.Background(),
		rpcx.Pairs("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
	for b := range 3 {
		_ = x.Call(traced, "Div", &arith.Args{A: 6, B: b}, new(arith.Reply)) // the metrics tell
	}

	// What Prometheus scrapes, here at http://127.0.0.1:PORT/metrics:
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	h := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go h.Serve(web)
	defer h.Close()
	scrape("http://" + web.Addr().String() + "/metrics")
}

// scrape prints the counters, and one exemplar, that a scrape finds.
func scrape(url string) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0") // the format that has exemplars
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	exemplar := ""
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		line := lines.Text()
		if _, rest, ok := strings.Cut(line, "# {"); ok && strings.HasPrefix(line, "rpcx_server_call_duration") {
			exemplar, _, _ = strings.Cut(rest, "}")
		}
		if strings.Contains(line, "_calls_total{") || strings.Contains(line, "_connections{") {
			fmt.Println(line)
		}
	}
	fmt.Println("exemplar:", exemplar)
}
