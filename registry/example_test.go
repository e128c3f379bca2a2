// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"fmt"

	"github.com/rpcx-go/rpcx/registry"
)

func ExampleParseKey() {
	network, addr, err := registry.ParseKey("unix@/run/arith.sock")
	fmt.Println(network, addr, err)
	network, addr, err = registry.ParseKey("10.0.0.1:8972")
	fmt.Println(network, addr, err)
	// Output:
	// unix /run/arith.sock <nil>
	// tcp 10.0.0.1:8972 <nil>
}

func ExampleParseMeta() {
	meta, err := registry.ParseMeta("weight=3&state=inactive")
	fmt.Println(meta.Get("weight"), meta.Get("state"), err)
	fmt.Println(registry.FormatMeta(meta))
	// Output:
	// 3 inactive <nil>
	// state=inactive&weight=3
}
