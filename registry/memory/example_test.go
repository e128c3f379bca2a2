// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"context"
	"fmt"

	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/memory"
)

func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	services := memory.New()
	lease, err := services.Register(ctx, registry.Instance{Service: "Arith", Network: "tcp", Addr: "10.0.0.1:8972"})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = services.Watch(ctx, "Arith", func(instances []registry.Instance) {
		fmt.Println(len(instances))
		if len(instances) == 0 {
			cancel()
			return
		}
		if err := lease.Release(ctx); err != nil {
			fmt.Println(err)
		}
	})
	fmt.Println(err)
	// Output:
	// 1
	// 0
	// context canceled
}
