// SPDX-License-Identifier: Apache-2.0

package utp_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/transporttest/calltest"
	"github.com/rpcx-go/rpcx/transport/utp"
)

// The library goes on for up to 15 seconds with what a peer does not acknowledge.
func TestMain(m *testing.M) {
	code := m.Run()
	err := goleak.Find()
	for end := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(end); {
		err = goleak.Find() // waits some time itself
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, setup)
}

func TestCalls(t *testing.T) {
	t.Parallel()
	calltest.Run(t, setup)
}

func setup(*testing.T) transporttest.Config {
	return transporttest.Config{Transport: utp.New(), Network: "utp", Addr: "127.0.0.1:0", Datagrams: true}
}
