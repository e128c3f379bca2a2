// SPDX-License-Identifier: Apache-2.0

package rpcx

import (
	"context"
	"strings"

	"github.com/rpcx-go/rpcx/internal/callctx"
	"github.com/rpcx-go/rpcx/protocol"
)

// Metadata is an immutable list of key and value pairs that travels beside the
// arguments of a call, and back beside its reply. Keys that begin with two
// underscores belong to the protocol.
type Metadata = protocol.Metadata

// Pairs returns metadata with the given keys and values in turn. A last key
// without a value gets the empty value.
func Pairs(keysAndValues ...string) Metadata { return protocol.Pairs(keysAndValues...) }

// NewMetadata returns the pairs of m, ordered by key.
func NewMetadata(m map[string]string) Metadata { return protocol.NewMetadata(m) }

type outgoingKey struct{}

// WithMetadata returns a context whose calls carry md beside what ctx already
// carries; where both have a key, md wins. Metadata never passes from a call that
// came in to calls that go out unless the handler says so, with
// WithMetadata(ctx, IncomingMetadata(ctx)); the pairs that belong to the protocol,
// the auth token among them, are left out even then.
func WithMetadata(ctx context.Context, md Metadata) context.Context {
	return context.WithValue(ctx, outgoingKey{}, OutgoingMetadata(ctx).Merge(md))
}

// OutgoingMetadata returns what calls made with ctx carry; empty when nothing was set.
func OutgoingMetadata(ctx context.Context) Metadata {
	md, _ := ctx.Value(outgoingKey{}).(Metadata)
	return md
}

// IncomingMetadata returns what came with the call that a handler was given ctx
// for, without the pairs that belong to the protocol; empty outside of a handler.
func IncomingMetadata(ctx context.Context) Metadata {
	in, ok := ctx.Value(callctx.Key{}).(interface{ Metadata() Metadata })
	if !ok {
		return Metadata{}
	}
	return userPairs(in.Metadata())
}

// userPairs returns md without the pairs that belong to the protocol. Peers choose
// how many there are, so it takes one pass.
func userPairs(md Metadata) Metadata {
	var block []byte
	for k, v := range md.All() {
		if !strings.HasPrefix(k, "__") {
			block = protocol.AppendPair(block, k, v)
		}
	}
	if len(block) == md.Size() {
		return md
	}
	user, _ := protocol.ParseMetadata(block) // well formed as it was made
	return user
}

// SetReplyMetadata adds a pair to what goes back with the reply of the call that a
// handler was given ctx for; a later value of a key replaces an earlier one. It
// fails outside of a handler, for a key that belongs to the protocol, and once the
// handler has returned.
func SetReplyMetadata(ctx context.Context, key, value string) error {
	in, ok := ctx.Value(callctx.Key{}).(interface{ SetReplyMetadata(key, value string) error })
	if !ok {
		return Errorf(FailedPrecondition, "reply metadata %q set outside of a handler", key)
	}
	if strings.HasPrefix(key, "__") {
		return Errorf(InvalidArgument, "reply metadata key %q begins with __, which belongs to the protocol", key)
	}
	return in.SetReplyMetadata(key, value)
}
