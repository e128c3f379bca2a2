// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/gateway/proxy"
	"github.com/rpcx-go/rpcx/server"
)

func Example() {
	s := server.NewServer()
	defer s.Close()
	_ = server.Handle(s, "Greeter", "Greet", func(_ context.Context, name *string, reply *string) error {
		*reply = "Hello, " + *name
		return nil
	})
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()

	services := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "") // or any other resolver
	gw, err := proxy.New(client.Failover, client.RandomSelect, services, proxy.Config{Allow: []string{"Greeter.*"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go gw.Serve(ln)

	for _, path := range []string{"/Greeter/Greet", "/Nobody/Greet"} {
		res, err := http.Post("http://"+ln.Addr().String()+path, "application/json", strings.NewReader(`"Ann"`))
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Println(res.StatusCode, string(body))
	}
	// Output:
	// 200 "Hello, Ann"
	// 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"rpcx: can't find service Nobody","code":"unimplemented"}
}
