// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

type Args struct{ A, B int }

type Reply struct{ C int }

type Arith int

func (t *Arith) Mul(ctx context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

func Example() {
	s := server.NewServer()
	s.RegisterName("Arith", new(Arith), "")
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	xclient := client.NewXClient("Arith", client.Failtry, client.RandomSelect, d, client.DefaultOption)
	defer xclient.Close()

	args := &Args{A: 10, B: 20}
	reply := &Reply{}
	err := xclient.Call(context.Background(), "Mul", args, reply, nil)
	fmt.Println(reply.C, err)
	// Output: 200 <nil>
}

// The code that users know of rpcx must compile and run as it stands.
func TestUsersExample(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	served := make(chan error, 1)
	args, reply := &Args{A: 6, B: 7}, &Reply{}

	s := server.NewServer()
	s.RegisterName("Arith", new(Arith), "")
	go func() { served <- s.Serve("tcp", addr) }()
	await(t, s.Started(), "the server")

	d := client.NewPeer2PeerDiscovery("tcp@"+addr, "")
	xclient := client.NewXClient("Arith", client.Failtry, client.RandomSelect, d, client.DefaultOption)
	defer xclient.Close()
	err := xclient.Call(context.Background(), "Mul", args, reply, nil)
	if err != nil || reply.C != 42 {
		t.Errorf("6 times 7 is %d, %v", reply.C, err)
	}

	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("shut down: %v", err)
	}
	if err := receive(t, served, "the end of Serve"); !errors.Is(err, server.ErrServerClosed) {
		t.Errorf("serve: %v", err)
	}
}

func ExampleInvoke() {
	s := server.NewServer()
	s.RegisterName("Arith", new(Arith), "")
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	arith := client.NewXClient("Arith", client.Failover, client.RoundRobin, d, client.DefaultOption)
	defer arith.Close()

	product, err := client.Invoke[Reply](context.Background(), arith, "Mul", &Args{A: 3, B: 4})
	fmt.Println(product.C, err)
	// Output: 12 <nil>
}

func ExampleConn() {
	s := server.NewServer()
	s.RegisterName("Arith", new(Arith), "")
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	defer s.Close()

	ctx := context.Background()
	conn, err := client.Dial(ctx, "tcp", s.Address().String(), client.DefaultOption)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	done := make(chan *client.Call, 2)
	var six, twenty Reply
	conn.Go(ctx, "Arith", "Mul", &Args{A: 2, B: 3}, &six, done)
	conn.Go(ctx, "Arith", "Mul", &Args{A: 4, B: 5}, &twenty, done)
	for range 2 {
		if call := <-done; call.Error != nil {
			fmt.Println(call.Error)
		}
	}
	fmt.Println(six.C, twenty.C)
	// Output: 6 20
}
