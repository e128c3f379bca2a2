// SPDX-License-Identifier: Apache-2.0

package rpcx_test

import (
	"testing"

	"github.com/rpcx-go/rpcx"
)

func TestPriority(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		header rpcx.Metadata
		want   rpcx.Priority
	}{
		{rpcx.Metadata{}, rpcx.NormalPriority},
		{rpcx.Pairs("__rpcx_priority", "low"), rpcx.LowPriority},
		{rpcx.Pairs("__rpcx_priority", "normal"), rpcx.NormalPriority},
		{rpcx.Pairs("__rpcx_priority", "high"), rpcx.HighPriority},
		{rpcx.Pairs("__rpcx_priority", "HIGH"), rpcx.NormalPriority},
		{rpcx.Pairs("__rpcx_priority", "utmost"), rpcx.NormalPriority},
		{rpcx.OutgoingMetadata(rpcx.WithPriority(t.Context(), rpcx.LowPriority)), rpcx.LowPriority},
		{rpcx.OutgoingMetadata(rpcx.WithPriority(rpcx.WithPriority(t.Context(), rpcx.LowPriority), rpcx.HighPriority)), rpcx.HighPriority},
	} {
		if got := rpcx.PriorityOf(tt.header); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.header.Map(), got, tt.want)
		}
	}
	if got := rpcx.IncomingPriority(t.Context()); got != rpcx.NormalPriority {
		t.Errorf("outside of a handler: %v", got)
	}
	if got := rpcx.Priority(9).String(); got != "priority 9" {
		t.Error(got)
	}
}
