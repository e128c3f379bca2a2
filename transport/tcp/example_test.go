// SPDX-License-Identifier: Apache-2.0

package tcp_test

import (
	"context"
	"fmt"
	"io"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/tcp"
)

func ExampleNew() {
	ctx := context.Background()
	set := transport.NewSet(tcp.New())
	t, err := set.Lookup("tcp")
	if err != nil {
		fmt.Println(err)
		return
	}

	l, err := t.Listen(ctx, "tcp", "127.0.0.1:0", transport.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	conn, err := t.Dial(ctx, "tcp", l.Addr().String(), transport.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(conn, "hello")
	conn.Close()

	peer, err := l.Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer peer.Close()
	text, err := io.ReadAll(peer)
	fmt.Printf("%s %v\n", text, err)
	// Output: hello <nil>
}
