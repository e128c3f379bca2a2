// SPDX-License-Identifier: Apache-2.0

package ws_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/ws"
)

func ExampleHandler() {
	h := ws.NewHandler(ws.Config{})
	defer h.Close()
	mux := http.NewServeMux()
	mux.Handle(ws.DefaultPath, h) // beside pages and whatever else
	web := httptest.NewServer(mux)
	defer web.Close()

	go func() { // an rpcx server does this: s.ServeListener("ws", h)
		conn, err := h.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "hello")
	}()

	t := ws.New(ws.Config{})
	conn, err := t.Dial(context.Background(), "ws", web.Listener.Addr().String(), transport.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	fmt.Printf("%s %v\n", text, err)
	// Output: hello <nil>
}
