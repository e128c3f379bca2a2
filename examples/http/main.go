// SPDX-License-Identifier: Apache-2.0

// The example calls a service over HTTP, on the port that clients with frames use. The
// other files do the same from a shell, Python and JavaScript.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/server"
)

type Args struct{ A, B int }

type Reply struct{ C int }

func div(_ context.Context, args *Args, reply *Reply) error {
	if args.B == 0 {
		return rpcx.Errorf(rpcx.InvalidArgument, "division by zero").WithDetail("argument", "B")
	}
	reply.C = args.A / args.B
	return nil
}

func main() {
	s := newServer()
	defer s.Close()
	if err := call("http://" + s.Address().String()); err != nil {
		log.Fatal(err)
	}
}

// newServer returns a server that serves.
func newServer() *server.Server {
	s := server.NewServer()
	if err := server.Handle(s, "Arith", "Div", div); err != nil {
		log.Fatal(err)
	}
	// What is no call may be somebody else's affair.
	err := s.HandleHTTP("GET /hello", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello\n")
	}))
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	return s
}

// call calls a server as any program can.
func call(base string) error {
	for _, args := range []string{`{"A":42,"B":6}`, `{"A":42}`} {
		res, err := http.Post(base+"/Arith/Div", "application/json", strings.NewReader(args))
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return err
		}
		fmt.Println(res.StatusCode, string(body))
	}
	return nil
}
