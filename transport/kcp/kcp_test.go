// SPDX-License-Identifier: Apache-2.0

package kcp_test

import (
	"crypto/tls"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/transport/kcp"
	"github.com/rpcx-go/rpcx/transport/transporttest"
	"github.com/rpcx-go/rpcx/transport/transporttest/calltest"
)

// kcp-go has timers of its own for the whole program.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/xtaci/kcp-go/v5.(*TimedSched).sched"),
		goleak.IgnoreTopFunction("github.com/xtaci/kcp-go/v5.(*TimedSched).prepend"))
}

// newTransport returns one whose connections must have ended when the test has.
func newTransport(t *testing.T, c kcp.Config) *kcp.Transport {
	t.Helper()
	if c.Cipher == nil {
		cipher, err := kcp.AES(kcp.DeriveKey("password", "salt"))
		if err != nil {
			t.Fatal(err)
		}
		c.Cipher = cipher
	}
	tr := kcp.New(c)
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return tr
}

func TestConformance(t *testing.T) {
	t.Parallel()
	transporttest.Run(t, setup)
}

func TestCalls(t *testing.T) {
	t.Parallel()
	calltest.Run(t, setup)
}

func setup(t *testing.T) transporttest.Config {
	return transporttest.Config{Transport: newTransport(t, kcp.Config{}), Network: "kcp", Addr: "127.0.0.1:0", Datagrams: true, NoHandshake: true}
}

func tlsClient(t *testing.T) *tls.Config {
	t.Helper()
	return transporttest.NewCA(t).Client()
}
