// SPDX-License-Identifier: Apache-2.0

package reflection_test

import (
	"context"
	"fmt"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

func Example() {
	s := server.NewServer()
	defer s.Close()
	if err := s.RegisterName("Arith", new(Arith), ""); err != nil {
		fmt.Println(err)
	}
	if err := reflection.Register(s); err != nil {
		fmt.Println(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()

	d := client.NewPeer2PeerDiscovery("tcp@"+s.Address().String(), "")
	x := client.NewXClient(reflection.ServiceName, client.Failtry, client.RandomSelect, d, client.DefaultOption)
	defer x.Close()
	var described reflection.Description
	if err := x.Call(context.Background(), "Describe", "Arith", &described); err != nil {
		fmt.Println(err)
	}
	for _, service := range described.Services {
		for _, method := range service.Methods {
			fmt.Printf("%s.%s takes %s\n", service.Name, method.Name, method.Args)
		}
		fmt.Printf("%s\n", service.Defs["reflection_test.Args"])
	}
	// Output:
	// Arith.Mul takes {"$ref":"#/$defs/reflection_test.Args"}
	// {"type":"object","properties":{"a":{"type":"integer","format":"int64","x-msgpack-name":"A"},"B":{"type":"integer","format":"int64"}},"x-go-type":"reflection_test.Args"}
}
