// SPDX-License-Identifier: Apache-2.0

// Package hello is how two peers of this project learn what the other understands
// beyond rpcx: the capabilities in a connection's first heartbeat, and the names of
// the control frames that they allow. protocol/spec.md describes the exchange.
package hello

import (
	"strconv"
	"strings"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/protocol"
)

// Metadata keys of the exchange. A classic server echoes the offer; only one of
// ours answers with the second key.
const (
	OfferKey  = "__rpcx_offer"
	AcceptKey = "__rpcx_accept"
)

// Service is the reserved service that control frames are addressed to, and the
// methods are what they ask for.
const (
	Service      = "_rpcx"
	CancelMethod = "cancel" // client to server: end the call with this sequence id
	DrainMethod  = "drain"  // server to client: open no new calls on this connection
)

// Tokens of capabilities.
const (
	cancelToken    = "cancel"
	drainToken     = "drain"
	compressPrefix = "compress:"
)

// Capabilities is what a peer said it understands. A nil one understands nothing.
type Capabilities struct {
	Cancel, Drain bool

	compress [protocol.MaxCompressType + 1]string // names by number
}

// Parse reads a list of tokens. Unknown and malformed ones are ignored.
func Parse(tokens string) *Capabilities {
	c := new(Capabilities)
	for token := range strings.FieldsSeq(tokens) {
		switch rest, isCompress := strings.CutPrefix(token, compressPrefix); {
		case token == cancelToken:
			c.Cancel = true
		case token == drainToken:
			c.Drain = true
		case isCompress:
			name, number, _ := strings.Cut(rest, "=")
			n, err := strconv.ParseUint(number, 10, 8)
			if err == nil && n <= uint64(protocol.MaxCompressType) {
				c.compress[n] = name
			}
		}
	}
	return c
}

// Format returns the tokens of what this side understands: everything that this
// package knows, and the compressors of the set.
func Format(set *compress.Set) string {
	var b strings.Builder
	b.WriteString(cancelToken + " " + drainToken)
	for _, z := range set.All() {
		b.WriteString(" " + compressPrefix + z.Name() + "=" + strconv.Itoa(int(z.ID())))
	}
	return b.String()
}

// Inflates reports whether the peer can decompress what z makes. Every peer
// understands gzip, the one that rpcx has.
func (c *Capabilities) Inflates(z compress.Compressor) bool {
	return z.ID() == protocol.Gzip || c != nil && c.compress[z.ID()] == z.Name()
}
