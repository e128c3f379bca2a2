// SPDX-License-Identifier: Apache-2.0

package jsonrpc_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/jsonrpc"
	"github.com/rpcx-go/rpcx/protocol"
)

// echo stands for a *server.Server: it has one method, which returns what it is given.
type echo struct{}

func (echo) Dispatch(_ context.Context, _ rpcx.Peer, m *protocol.Message) (*protocol.Message, error) {
	if m.Service+"."+m.Method != "Echo.Say" {
		return new(protocol.Message), rpcx.Errorf(rpcx.Unimplemented, "rpcx: can't find service %s", m.Service)
	}
	return &protocol.Message{Payload: m.Payload}, nil
}

func Example() {
	ts := httptest.NewServer(http.MaxBytesHandler(jsonrpc.New(echo{}), 1<<20))
	defer ts.Close()
	res, err := http.Post(ts.URL, "application/json", strings.NewReader(`[
		{"jsonrpc":"2.0","method":"Echo.Say","params":{"text":"hi"},"id":1},
		{"jsonrpc":"2.0","method":"Echo.Say","params":{"text":"nobody waits"}},
		{"jsonrpc":"2.0","method":"Nobody.Say","params":{},"id":"two"}
	]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(strings.ReplaceAll(string(body), `},{"json`, "},\n {\"json"))
	// Output:
	// [{"jsonrpc":"2.0","result":{"text":"hi"},"id":1},
	//  {"jsonrpc":"2.0","error":{"code":-32601,"message":"rpcx: can't find service Nobody","data":{"code":"unimplemented"}},"id":"two"}]
}
