// SPDX-License-Identifier: Apache-2.0

// The example is a gateway in front of two services, each on a server of its own, and some
// calls by it. With flags it is a gateway in front of servers that run already:
//
//	go run ./gateway -addr :9981 -servers tcp@127.0.0.1:8972 -services Arith
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/registry/memory"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	addr := flag.String("addr", "", "where to listen, such as :9981; without it the example calls itself and ends")
	servers := flag.String("servers", "tcp@127.0.0.1:8972", "addresses of servers, with commas between")
	services := flag.String("services", "", "names of services that may be called, and that /docs/ shows, with commas between; all may be called and none is shown if empty")
	hosts := flag.String("hosts", "", "names by which the gateway is reached, with commas between")
	origins := flag.String("origins", "", "origins of pages that may call, with commas between")
	flag.Parse()
	if *addr == "" {
		demonstrate()
		return
	}
	resolver, err := list(names(*servers))
	if err != nil {
		log.Fatal(err)
	}
	gw, err := newGateway(resolver, settings{services: names(*services), hosts: names(*hosts), origins: names(*origins)})
	if err != nil {
		log.Fatal(err)
	}
	if err := serve(gw, *addr); err != nil {
		log.Fatal(err)
	}
}

// names splits a flag.
func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// Text is what the other service works on.
type Text struct{ Text string }

func shout(_ context.Context, args, reply *Text) error {
	reply.Text = strings.ToUpper(args.Text) + "!"
	return nil
}

// start starts a server that makes itself known.
func start(services *memory.Registry, register func(s *server.Server) error) *server.Server {
	s := server.NewServer(server.WithRegistrar(services, "", 0))
	if err := register(s); err != nil {
		log.Fatal(err)
	}
	if err := reflection.Register(s); err != nil { // for the document
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	return s
}

func demonstrate() {
	registry := memory.New()
	defer start(registry, func(s *server.Server) error { return s.RegisterName("Arith", new(arith.Arith), "") }).Close()
	defer start(registry, func(s *server.Server) error { return server.Handle(s, "Text", "Shout", shout) }).Close()
	wait(registry, "Arith", "Text")

	gw, err := newGateway(registry, settings{services: []string{"Arith", "Text"}})
	if err != nil {
		log.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go gw.Serve(ln)

	base := "http://" + ln.Addr().String()
	post(base+"/Arith/Mul", `{"A":6,"B":7}`)
	post(base+"/Arith/Div", `{"A":6}`)
	post(base+"/Text/Shout", `{"Text":"hello"}`)
	post(base+"/Nobody/Shout", `{}`)
	post(base+"/Text/Shout", `{"Text":"hello"}`, "Origin", "https://evil.example")
	get(base+"/readyz", "")
	get(base+"/docs/openapi.json", `"openapi"`)
	get(base+"/metrics", "rpcx_server_calls_total{")

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := gw.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}

// post makes a call, as curl does with --json.
func post(url, body string, headers ...string) {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	show(r, "")
}

// get reads a page, and shows what begins with a text.
func get(url, begins string) {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	show(r, begins)
}

// show makes a request, and prints the status and lines of the body.
func show(r *http.Request, begins string) {
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	fmt.Println(r.Method, r.URL.Path, res.StatusCode)
	for lines := bufio.NewScanner(io.LimitReader(res.Body, 1<<20)); lines.Scan(); {
		if line := strings.TrimLeft(lines.Text(), "{"); strings.HasPrefix(lines.Text(), begins) || strings.HasPrefix(line, begins) {
			fmt.Printf("  %.120s\n", lines.Text())
		}
	}
}
