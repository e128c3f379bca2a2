// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"context"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
)

// BenchmarkPick is what choosing one of ten servers costs, from many callers, with what a
// policy that learns is told around it.
func BenchmarkPick(b *testing.B) {
	for name, policy := range policies() {
		b.Run(name, func(b *testing.B) {
			p := policy.NewPicker(servers(10), nil)
			defer func() { _ = shut(p) }()
			tracker, _ := p.(balance.Tracker)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				ctx, call := context.Background(), &rpcx.Call{Service: "S", Method: "M", Args: "x"}
				for pb.Next() {
					i := p.Pick(ctx, call, all)
					if tracker != nil {
						tracker.Begin(i)
						tracker.End(i, balance.Outcome{Latency: time.Millisecond})
					}
				}
			})
		})
	}
}
