// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"slices"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// Metadata keys of rpcx that clients may use.
const (
	authKey    = "__AUTH"
	timeoutKey = "__ServerTimeout"
)

// forwarded returns what passes of the metadata that a client sends: its own pairs and its
// token, but nothing else that belongs to the protocol, such as its priority, and nothing
// that only the proxy may say. The time that is left is sent anew.
func (p *Proxy) forwarded(md rpcx.Metadata) rpcx.Metadata {
	return kept(md, func(key string) bool {
		if strings.HasPrefix(key, "__") {
			return key == authKey
		}
		return !p.reserves(key)
	})
}

// reserves reports whether Config.Reserved has a key.
func (p *Proxy) reserves(key string) bool {
	return slices.ContainsFunc(p.config.Reserved, func(r string) bool { return strings.EqualFold(r, key) })
}

// answered returns what passes of the metadata that a service sends back: servers of rpcx
// leave errors and addresses of others there.
func answered(md rpcx.Metadata) rpcx.Metadata {
	return kept(md, func(key string) bool { return !strings.HasPrefix(key, "__") })
}

// kept returns the pairs of md whose keys may be kept. Strangers choose how many there are,
// so it takes one pass.
func kept(md rpcx.Metadata, may func(key string) bool) rpcx.Metadata {
	var block []byte
	for key, value := range md.All() {
		if may(key) {
			block = protocol.AppendPair(block, key, value)
		}
	}
	if len(block) == md.Size() {
		return md
	}
	some, _ := protocol.ParseMetadata(block) // well formed as it was made
	return some
}
