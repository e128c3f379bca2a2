// SPDX-License-Identifier: Apache-2.0

package rpcx

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/rpcx-go/rpcx/internal/callctx"
)

// Peer is the other end of a connection.
type Peer struct {
	Network string               // as it was dialled or served: "tcp", "unix", ...
	Addr    net.Addr             // the peer's address
	Local   net.Addr             // our address on that connection
	TLS     *tls.ConnectionState // nil without TLS; must not be changed
}

// PeerFrom returns who made the call that a handler was given ctx for. It reports
// false outside of a handler.
func PeerFrom(ctx context.Context) (Peer, bool) {
	in, ok := ctx.Value(callctx.Key{}).(interface{ Peer() Peer })
	if !ok {
		return Peer{}, false
	}
	return in.Peer(), true
}
