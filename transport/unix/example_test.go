// SPDX-License-Identifier: Apache-2.0

package unix_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/unix"
)

func ExampleNew() {
	dir, err := os.MkdirTemp("", "rpcx")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx, path := context.Background(), filepath.Join(dir, "arith.sock")

	l, err := unix.New().Listen(ctx, "unix", path, transport.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()

	conn, err := unix.New().Dial(ctx, "unix", path, transport.Settings{})
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
