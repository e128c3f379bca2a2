// SPDX-License-Identifier: Apache-2.0

package tcp_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/transport/tcp"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/transporttest/calltest"
)

func TestCalls(t *testing.T) {
	t.Parallel()
	calltest.Run(t, func(*testing.T) transporttest.Config {
		return transporttest.Config{Transport: tcp.New(), Network: "tcp", Addr: "127.0.0.1:0"}
	})
}
