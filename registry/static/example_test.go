// SPDX-License-Identifier: Apache-2.0

package static_test

import (
	"context"
	"fmt"

	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/static"
)

func Example() {
	servers := static.New(
		registry.Instance{Network: "tcp", Addr: "10.0.0.1:8972"},
		registry.Instance{Network: "tcp", Addr: "10.0.0.2:8972"},
	)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := servers.Watch(ctx, "Arith", func(instances []registry.Instance) {
		for _, in := range instances {
			fmt.Println(in.Key())
		}
		switch len(instances) {
		case 2: // one server has to go
			servers.Update(instances[0])
		case 1:
			cancel()
		}
	})
	fmt.Println(err)
	// Output:
	// tcp@10.0.0.1:8972
	// tcp@10.0.0.2:8972
	// tcp@10.0.0.1:8972
	// context canceled
}
