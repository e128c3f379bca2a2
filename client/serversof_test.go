// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/registry/static"
)

// A call may go to the servers of another service than its own.
func TestToServersOf(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, m.Service+"."+m.Method) })
	d := static.New(registry.Instance{Service: "Arith", Network: "mem", Addr: p.name})
	c := client.NewClient(client.Failover, client.RandomSelect, d, p.option(client.Option{}))
	closing(t, c)
	var reply []byte
	wantError(t, c.Call(t.Context(), "Health", "Check", []byte("x"), &reply), rpcx.Unavailable, true)
	wantError(t, c.Call(t.Context(), "Health", "Check", []byte("x"), &reply, client.ToServersOf("")), rpcx.Unavailable, true)
	if err := c.Call(t.Context(), "Health", "Check", []byte("x"), &reply, client.ToServersOf("Arith")); err != nil || string(reply) != "Health.Check" {
		t.Errorf("%q, %v", reply, err)
	}
	raw := &protocol.Message{Service: "Health", Method: "Check"}
	if _, payload, err := c.SendRaw(t.Context(), raw, client.ToServersOf("Arith")); err != nil || string(payload) != "Health.Check" {
		t.Errorf("%q, %v", payload, err)
	}
}
