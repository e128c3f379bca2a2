// SPDX-License-Identifier: Apache-2.0

package mem_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/transport/mem"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/transporttest/calltest"
)

func TestCalls(t *testing.T) {
	t.Parallel()
	calltest.Run(t, func(*testing.T) transporttest.Config {
		return transporttest.Config{Transport: mem.New(), Network: "mem", Addr: "localhost:0"}
	})
}
