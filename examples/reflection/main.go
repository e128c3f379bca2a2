// SPDX-License-Identifier: Apache-2.0

// The example is a server that says what can be called on it: to clients, as an OpenAPI
// document, and on a page to try calls from.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/examples/reflection/shop"
	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	addr := flag.String("serve", "", "an address such as localhost:8972 to serve the page at, until Ctrl-C")
	flag.Parse()
	s, err := newServer()
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if *addr != "" {
		fmt.Printf("open http://%s/docs/; Ctrl-C ends it\n", *addr)
		if err := serve(s, *addr); err != nil {
			log.Fatal(err)
		}
		return
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	if err := ask(s.Address().String()); err != nil {
		log.Fatal(err)
	}
}

// newServer returns a server that describes itself.
func newServer() (*server.Server, error) {
	s := server.NewServer()
	err := errors.Join(
		s.RegisterName("Shop", new(shop.Shop), ""),
		reflection.Register(s, shop.Source),
		openapi.Mount(s, "/docs/", openapi.Config{Title: "A shop", Description: "Shirts and more."}),
	)
	return s, err
}

// serve serves until somebody presses Ctrl-C.
func serve(s *server.Server, addr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	if err := s.Serve("tcp", addr); !errors.Is(err, server.ErrServerClosed) {
		return err
	}
	return nil
}

// ask asks a server what it has.
func ask(addr string) error {
	d := client.NewPeer2PeerDiscovery("tcp@"+addr, "")
	x := client.NewXClient(reflection.ServiceName, client.Failtry, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()

	var described reflection.Description
	if err := x.Call(context.Background(), "Describe", "Shop", &described); err != nil {
		return err
	}
	for _, service := range described.Services {
		fmt.Printf("%s: %s\n", service.Name, service.Doc)
		for _, method := range service.Methods {
			fmt.Printf("  %s takes %s\n", method.Name, method.Args)
		}
		fmt.Printf("a size is %s\n", service.Defs["shop.Size"])
		order := service.Schema(service.Defs["shop.Order"]) // with the types that it refers to
		fmt.Println("an order is a document of its own:", bytes.Contains(order, []byte("shop.Item")))
	}

	var source string // the types of rpcx's reflection plugin
	if err := x.Call(context.Background(), "GetService", "Shop", &source); err != nil {
		return err
	}
	fmt.Printf("and %d bytes of Go\n", len(source))
	return nil
}
