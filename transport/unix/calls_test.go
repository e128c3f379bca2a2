// SPDX-License-Identifier: Apache-2.0

package unix_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/transporttest/calltest"
	"github.com/rpcx-go/rpcx/transport/unix"
)

func TestCalls(t *testing.T) {
	t.Parallel()
	calltest.Run(t, func(t *testing.T) transporttest.Config {
		dir, err := os.MkdirTemp("", "rpcx") // whose path is short enough
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		return transporttest.Config{Transport: unix.New(), Network: "unix", Addr: filepath.Join(dir, "s"), NoHost: true}
	})
}
