// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"testing"

	"github.com/rpcx-go/rpcx"
)

// Who calls over HTTP is on the network of the port, as with frames.
func TestNetworkOfHTTPCallers(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "tcp4", "reuseport"} {
		w := start(t, &world{network: network, addr: "127.0.0.1:0"}, nil)
		peers := make(chan rpcx.Peer, 3)
		w.handle("Who", func(ctx context.Context, _ *Args, _ *Reply) error {
			p, _ := rpcx.PeerFrom(ctx)
			peers <- p
			return nil
		})
		w.network = "tcp"
		w.do(t, newHTTPClient(t), "POST", "/S/Who", "{}", "Content-Type", "application/json")
		w.do(t, newHTTPClient(t), "POST", "/", `{"jsonrpc":"2.0","method":"S.Who","params":{},"id":1}`, "Content-Type", "application/json")
		w.dial(t).call(request("S", "Who", "{}"))
		for _, how := range []string{"plain", "JSON-RPC", "frames"} {
			if got := wait(t, "the call", peers); got.Network != network || got.Addr == nil || got.Local == nil {
				t.Errorf("%s on %s: the caller is %+v", how, network, got)
			}
		}
	}
}
