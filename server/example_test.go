// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// serveAndCall is what the examples have in common: s serves on a free port, and a
// client of the service calls a method of it.
func serveAndCall(s *server.Server, service, method string, args, reply any, opts ...client.CallOption) error {
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient(service, client.Failtry, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	return x.Call(context.Background(), method, args, reply, opts...)
}

// Greeter is a service: a plain type with methods of the right form.
type Greeter struct{ Greeting string }

func (g *Greeter) Greet(_ context.Context, name *string, reply *string) error {
	*reply = g.Greeting + ", " + *name
	return nil
}

func Example() {
	s := server.NewServer()
	if err := s.RegisterName("Greeter", &Greeter{"Hello"}, ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0") // port 0: a free one
	<-s.Started()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Greeter", client.Failtry, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	name, reply := "world", ""
	err := x.Call(context.Background(), "Greet", &name, &reply)
	fmt.Println(reply, err)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	fmt.Println(s.Shutdown(ctx))
	// Output:
	// Hello, world <nil>
	// <nil>
}

func ExampleHandle() {
	s := server.NewServer()
	err := server.Handle(s, "Math", "Square", func(_ context.Context, n *int, reply *int) error {
		*reply = *n * *n
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	n, square := 12, 0
	err = serveAndCall(s, "Math", "Square", &n, &square)
	fmt.Println(square, err)
	// Output: 144 <nil>
}

func ExampleServer_RegisterFunctionName() {
	s := server.NewServer()
	reverse := func(_ context.Context, args []int, reply *[]int) error {
		for _, n := range args {
			*reply = append([]int{n}, *reply...)
		}
		return nil
	}
	if err := s.RegisterFunctionName("Lists", "Reverse", reverse, ""); err != nil {
		log.Fatal(err)
	}
	var reply []int
	err := serveAndCall(s, "Lists", "Reverse", []int{1, 2, 3}, &reply)
	fmt.Println(reply, err)
	// Output: [3 2 1] <nil>
}

func ExampleServer_RegisterWithMethods() {
	s := server.NewServer()
	err := s.RegisterWithMethods(new(Greeter), []string{"Greet", "Leave"}, "")
	fmt.Println(err)
	// Output: server: service "Greeter": type *server_test.Greeter has no exported method Leave
}

func ExampleServer_HandleRaw() {
	s := server.NewServer()
	err := s.HandleRaw("Proxy", "Measure", func(_ context.Context, in, out *protocol.Message) error {
		out.Payload = fmt.Appendf(nil, "%d bytes of %s", len(in.Payload), in.Serialize)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	var reply []byte
	err = serveAndCall(s, "Proxy", "Measure", []byte("12345"), &reply)
	fmt.Printf("%s %v\n", reply, err)
	// Output: 5 bytes of raw <nil>
}

func ExampleWithInterceptor() {
	logging := rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			err := next(ctx, c)
			fmt.Println(c.Service, c.Method, err)
			return err
		}
	}}
	s := server.NewServer(server.WithInterceptor(logging))
	if err := s.RegisterName("Arith", Arith{}, ""); err != nil {
		log.Fatal(err)
	}
	reply := new(Reply)
	err := serveAndCall(s, "Arith", "Mul", &Args{6, 7}, reply)
	fmt.Println(reply.C, err)
	// Output:
	// Arith Mul <nil>
	// 42 <nil>
}

func ExampleWithAuth() {
	auth := func(_ context.Context, _, method, token string) error {
		if token != "bearer secret" {
			return rpcx.Errorf(rpcx.PermissionDenied, "no entry to %s", method)
		}
		return nil
	}
	s := server.NewServer(server.WithAuth(auth))
	if err := s.RegisterName("Arith", Arith{}, ""); err != nil {
		log.Fatal(err)
	}
	err := serveAndCall(s, "Arith", "Mul", &Args{6, 7}, new(Reply))
	fmt.Println(err, rpcx.CodeOf(err))
	// Output: no entry to Mul permission denied
}

func ExampleConn_Push() {
	s := server.NewServer()
	err := server.Handle(s, "Clock", "Subscribe", func(ctx context.Context, _ *string, _ *string) error {
		return server.ConnFrom(ctx).Push(ctx, "Clock", "tick", rpcx.Metadata{}, []byte("12:00"))
	})
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	pushed := make(chan *protocol.Message)
	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient("Clock", client.Failtry, client.RandomSelect, d, client.Option{Pushes: pushed})
	defer x.Close()
	var args, reply string
	if err := x.Call(context.Background(), "Subscribe", &args, &reply); err != nil {
		log.Fatal(err)
	}
	m := <-pushed
	fmt.Println(m.Service, m.Method, string(m.Payload))
	// Output: Clock tick 12:00
}

// What speaks HTTP calls the same methods, on the same port.
func ExampleServer_HTTPHandler() {
	s := server.NewServer()
	err := server.Handle(s, "Arith", "Mul", func(_ context.Context, args *Args, reply *Reply) error {
		reply.C = args.A * args.B
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodPost, "/Arith/Mul", strings.NewReader(`{"A":6,"B":7}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.HTTPHandler().ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 {"C":42}
}

// A gateway of one's own hands calls to Dispatch.
func ExampleServer_Dispatch() {
	s := server.NewServer()
	err := server.Handle(s, "Greeter", "Hello", func(ctx context.Context, name, text *string) error {
		peer, _ := rpcx.PeerFrom(ctx)
		*text = "hello " + *name + " by " + peer.Network
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := &protocol.Message{Service: "Greeter", Method: "Hello", Payload: []byte(`"Ann"`)}
	call.Serialize = protocol.JSON
	reply, err := s.Dispatch(context.Background(), rpcx.Peer{Network: "pigeon"}, call)
	fmt.Println(string(reply.Payload), err)
	// Output: "hello Ann by pigeon" <nil>
}
