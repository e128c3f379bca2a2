// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway"
	"github.com/rpcx-go/rpcx/protocol"
)

// greeter stands for a *server.Server.
type greeter struct{}

func (greeter) Dispatch(_ context.Context, _ rpcx.Peer, m *protocol.Message) (*protocol.Message, error) {
	if m.Service != "Greeter" {
		return new(protocol.Message), rpcx.Errorf(rpcx.Unimplemented, "rpcx: can't find service %s", m.Service)
	}
	return &protocol.Message{Payload: []byte(`{"text":"hello"}`)}, nil
}

func Example() {
	ts := httptest.NewServer(http.MaxBytesHandler(gateway.New(greeter{}), 1<<20))
	defer ts.Close()
	for _, path := range []string{"/Greeter/Hello", "/Nobody/Hello"} {
		res, err := http.Post(ts.URL+path, "application/json", strings.NewReader(`{"name":"Ann"}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Println(res.StatusCode, string(body))
	}
	// Output:
	// 200 {"text":"hello"}
	// 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"rpcx: can't find service Nobody","code":"unimplemented"}
}
