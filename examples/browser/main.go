// SPDX-License-Identifier: Apache-2.0

// The example is a web server with a page that calls a service over a WebSocket. The
// page's client is a file of JavaScript without dependencies.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/rpcx-go/rpcx/examples/internal/arith"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/ws"
)

//go:embed page
var files embed.FS //nolint:gochecknoglobals // filled by the compiler

func main() {
	addr := flag.String("addr", "localhost:8080", "where to serve the page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("open http://%s/ and press the button; Ctrl-C ends it\n", ln.Addr())
	if err := serve(ctx, ln, http.NewServeMux()); err != nil {
		log.Fatal(err)
	}
}

// serve answers calls and serves the page, beside whatever else is in mux, until ctx
// ends.
func serve(ctx context.Context, ln net.Listener, mux *http.ServeMux) error {
	page, err := fs.Sub(files, "page")
	if err != nil {
		return err
	}
	calls := ws.NewHandler(ws.Config{}) // pages of other hosts are refused
	mux.Handle(ws.DefaultPath, calls)
	mux.Handle("/", http.FileServerFS(page))
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	s := server.NewServer()
	if err := s.RegisterName("Arith", new(arith.Arith), ""); err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- s.ServeListener("ws", calls) }()
	go func() { ended <- web.Serve(ln) }()
	<-ctx.Done()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = errors.Join(s.Shutdown(ctx), web.Shutdown(ctx)) // the server's connections are not the web server's
	<-ended
	<-ended
	return err
}
