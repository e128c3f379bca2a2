// SPDX-License-Identifier: Apache-2.0

package transport_test

import (
	"fmt"

	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
	"github.com/rpcx-go/rpcx/transport/tcp"
	"github.com/rpcx-go/rpcx/transport/unix"
)

func ExampleSet_Lookup() {
	set := transport.NewSet(tcp.New(), unix.New(), mem.New())
	_, err := set.Lookup("tcp4")
	fmt.Println(err)
	_, err = set.Lookup("udp")
	fmt.Println(err)
	// Output:
	// <nil>
	// transport: unknown network "udp", have mem reuseport tcp tcp4 tcp6 unix
}
