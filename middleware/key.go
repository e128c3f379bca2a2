// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/peerip"
)

// PeerIP returns the address of the peer of a call, for IPv6 the network of 64 bits
// that it is in, because a single caller has all of that. Peers without an IP address
// are all "".
func PeerIP(_ context.Context, c *rpcx.Call) string {
	switch caller := peerip.Caller(c.Peer.Addr); {
	case !caller.IsValid():
		return ""
	case caller.IsSingleIP():
		return caller.Addr().String()
	default:
		return caller.String()
	}
}

// PeerCertificate returns the identity that CertificateIdentity finds, "" if none.
func PeerCertificate(_ context.Context, c *rpcx.Call) string { return certificateName(c.Peer.TLS) }

// PeerMetadata returns a function that returns what calls carry under a key. Callers
// choose it: use it where they are trusted, or behind a gateway that sets it.
func PeerMetadata(key string) func(ctx context.Context, c *rpcx.Call) string {
	return func(_ context.Context, c *rpcx.Call) string { return c.Header.Get(key) }
}

// OneKey returns the same for all calls.
func OneKey(context.Context, *rpcx.Call) string { return "" }
