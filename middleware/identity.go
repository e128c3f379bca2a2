// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/callctx"
)

// Identity returns who makes the call that ctx is of, as Auth has found out: by token, by
// certificate, or whatever AuthConfig.Identify asks. It is for handlers, and for interceptors and
// observers of the server. It reports false for a caller who proved to be nobody, on a
// server without Auth, and outside of a call.
func Identity(ctx context.Context) (string, bool) {
	in, ok := ctx.Value(callctx.Key{}).(interface{ Identity() string })
	if !ok {
		return "", false
	}
	identity := in.Identity()
	return identity, identity != ""
}

// noteIdentity is what Identity returns from now on.
func noteIdentity(ctx context.Context, identity string) {
	if in, ok := ctx.Value(callctx.Key{}).(interface{ SetIdentity(identity string) }); ok {
		in.SetIdentity(identity)
	}
}

// PeerIdentity returns the Identity of the caller. Callers without one are all "".
func PeerIdentity(ctx context.Context, _ *rpcx.Call) string {
	identity, _ := Identity(ctx)
	return identity
}

// LogKey returns the attribute "key" for the log of a rule with keys of the user's choice. The
// caller's address, certificate and Identity are there to be read. Anything else may be
// a secret, such as a token: it is the beginning of its SHA-256 hash.
func LogKey(ctx context.Context, c *rpcx.Call, key string) slog.Attr {
	switch key {
	case "", PeerIP(ctx, c), PeerCertificate(ctx, c), PeerIdentity(ctx, c):
		return slog.String("key", key)
	default:
		sum := sha256.Sum256([]byte(key))
		return slog.String("key", "sha256:"+hex.EncodeToString(sum[:6]))
	}
}
