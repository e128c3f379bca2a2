// SPDX-License-Identifier: Apache-2.0

package httpconnect_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/httpconnect"
)

func ExampleHandler() {
	h := httpconnect.NewHandler()
	defer h.Close()
	mux := http.NewServeMux()
	mux.Handle(httpconnect.DefaultPath, h) // beside pages and whatever else
	web := httptest.NewServer(mux)
	defer web.Close()

	go func() { // an rpcx server does this: s.ServeListener("http", h)
		conn, err := h.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "hello")
	}()

	t := httpconnect.New(httpconnect.Config{})
	conn, err := t.Dial(context.Background(), "http", web.Listener.Addr().String(), transport.Settings{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	fmt.Printf("%s %v\n", text, err)
	// Output: hello <nil>
}
