// SPDX-License-Identifier: Apache-2.0

package mem_test

import (
	"context"
	"fmt"
	"io"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

func Example() {
	ctx, network := context.Background(), mem.New()
	l, err := network.Listen(ctx, "mem", "arith", transport.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	go func() {
		conn, err := network.Dial(ctx, "mem", "arith", transport.Settings{})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "hello")
	}()

	conn, err := l.Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	fmt.Printf("%s %v\n", text, err)
	// Output: hello <nil>
}

func ExamplePipe() {
	a, b := mem.Pipe()
	fmt.Fprint(a, "hello")
	a.Close()
	text, err := io.ReadAll(b)
	fmt.Printf("%s %v\n", text, err)
	// Output: hello <nil>
}
