// SPDX-License-Identifier: Apache-2.0

package rpcxotel

import "github.com/rpcx-go/rpcx"

// carrier is metadata for a propagator to read and write.
type carrier struct{ header rpcx.Metadata }

// Get implements propagation.TextMapCarrier.
func (c *carrier) Get(key string) string { return c.header.Get(key) }

// Set implements propagation.TextMapCarrier.
func (c *carrier) Set(key, value string) { c.header = c.header.With(key, value) }

// Keys implements propagation.TextMapCarrier.
func (c *carrier) Keys() []string {
	var keys []string
	for key := range c.header.All() {
		keys = append(keys, key)
	}
	return keys
}
