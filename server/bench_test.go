// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/server"
)

// BenchmarkServe answers one request after the other. Everything beside the server is a
// write and a read.
func BenchmarkServe(b *testing.B) {
	for _, l := range loads() {
		b.Run(l.name, func(b *testing.B) {
			w := onTCP(b, append(l.opts, server.WithCodec(still{}))...).serve(b)
			c := w.bareClient(b, 1, l.service, l.md)
			b.ReportAllocs()
			for b.Loop() {
				c.exchange()
			}
		})
	}
}

// BenchmarkServeBatch answers requests that arrive together; figures are per batch.
func BenchmarkServeBatch(b *testing.B) {
	for _, n := range []int{10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := onTCP(b, server.WithCodec(still{})).serve(b).bareClient(b, n, "S", rpcx.Metadata{})
			b.ReportAllocs()
			for b.Loop() {
				c.exchange()
			}
		})
	}
}
