// SPDX-License-Identifier: Apache-2.0

package client

import (
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// CallOption changes one call. A nil one does nothing.
type CallOption interface{ apply(*callConfig) }

// callConfig is what the options of a call come to.
type callConfig struct {
	metadata     rpcx.Metadata
	timeout      time.Duration
	serialize    protocol.SerializeType
	serializeSet bool
	compress     protocol.CompressType
	compressSet  bool
	repeating    repeating
	waitForReady bool
	hashKey      string
	serversOf    string
	trailer      *rpcx.Metadata
	trailerToo   *rpcx.Metadata
	peer         *rpcx.Peer
}

type callOption func(*callConfig)

func (o callOption) apply(c *callConfig) { o(c) }

// WithMetadata sends md with the call, beside what the context carries; where both
// have a key, md wins.
func WithMetadata(md rpcx.Metadata) CallOption {
	return callOption(func(c *callConfig) { c.metadata = c.metadata.Merge(md) })
}

// WithTimeout gives the call at most d, retries included; zero is no bound, and a
// negative d has passed already. A context that ends earlier rules.
func WithTimeout(d time.Duration) CallOption {
	return callOption(func(c *callConfig) { c.timeout = d })
}

// WithSerializeType encodes the arguments of the call with t, also when t is
// protocol.SerializeNone.
func WithSerializeType(t protocol.SerializeType) CallOption {
	return callOption(func(c *callConfig) { c.serialize, c.serializeSet = t, true })
}

// WithCompressType compresses the arguments of the call with t, as
// Option.CompressType does; protocol.None switches compression off.
func WithCompressType(t protocol.CompressType) CallOption {
	return callOption(func(c *callConfig) { c.compress, c.compressSet = t, true })
}

// WithTrailer stores in md the metadata that came back with the reply. It is set
// whether or not the call failed, and empty when no reply came.
func WithTrailer(md *rpcx.Metadata) CallOption {
	return callOption(func(c *callConfig) { c.trailer = md })
}

// WithPeer stores in p the server that the last attempt of the call went to.
func WithPeer(p *rpcx.Peer) CallOption {
	return callOption(func(c *callConfig) { c.peer = p })
}

// repeating is what the caller said about executing a call twice.
type repeating uint8

const (
	asOption repeating = iota // see Option.NonIdempotent
	harmless
	harmful
)

// NonIdempotent says that executing the call twice does harm. It is then not tried
// again under any fail mode unless it certainly did not run, and not hedged.
func NonIdempotent() CallOption {
	return callOption(func(c *callConfig) { c.repeating = harmful })
}

// Idempotent says that executing the call twice does no harm, whatever
// Option.NonIdempotent says of its method.
func Idempotent() CallOption {
	return callOption(func(c *callConfig) { c.repeating = harmless })
}

// WaitForReady makes the call wait, until its context ends, while no server can take
// it: none is known, none can be reached, or all refuse it as Unavailable and not
// executed. Default: it fails with Unavailable.
func WaitForReady() CallOption {
	return callOption(func(c *callConfig) { c.waitForReady = true })
}

// ToServersOf sends the call to servers of another service than its own: of one that is
// in no registry because every server has it, or to ask servers about that other one. ""
// is none.
func ToServersOf(service string) CallOption {
	return callOption(func(c *callConfig) { c.serversOf = service })
}

// WithHashKey makes the call go where calls with the same key go, under the select mode
// ConsistentHash: a user's or a session's, for instance. "" is none: service, method
// and arguments are the key. Other modes take no notice.
func WithHashKey(key string) CallOption {
	return callOption(func(c *callConfig) { c.hashKey = key })
}

func newCallConfig(opts []CallOption) callConfig {
	var c callConfig
	c.set(opts)
	return c
}

// set applies opts.
func (c *callConfig) set(opts []CallOption) {
	for _, o := range opts {
		if o != nil {
			o.apply(c)
		}
	}
}
