// SPDX-License-Identifier: Apache-2.0

//go:build !race

// The race detector allocates.

package rpcx_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rpcx-go/rpcx"
)

// What looks at metadata allocates nothing, and what makes it or looks at errors little.
//
//nolint:paralleltest // counts allocations
func TestAllocations(t *testing.T) {
	md := rpcx.Pairs("trace-id", "4bf92f3577b34da6a3ce929d0e0e4736", "tenant", "benchmark")
	ctx := rpcx.WithMetadata(context.Background(), md)
	plain := rpcx.Errorf(rpcx.NotFound, "no user %d", 7)
	wrapped := fmt.Errorf("load the profile: %w", plain)
	dst := make([]byte, 0, 1024)
	for name, tt := range map[string]struct {
		most float64
		f    func()
	}{
		"Pairs":            {2, func() { md = rpcx.Pairs("tenant", "benchmark", "locale", "en-US") }},
		"Get":              {0, func() { _ = md.Get("locale") }},
		"OutgoingMetadata": {0, func() { _ = rpcx.OutgoingMetadata(ctx) }},
		"AppendBinary":     {0, func() { _, _ = md.AppendBinary(dst) }},
		"CodeOf":           {2, func() { _ = rpcx.CodeOf(wrapped) }}, // errors.As makes its targets escape
		"SafeToRetry":      {1, func() { _ = rpcx.SafeToRetry(wrapped) }},
		"AppendWireError":  {3, func() { _ = rpcx.AppendWireError(dst, plain) }},
	} {
		got := testing.AllocsPerRun(100, tt.f)
		t.Logf("%s: %v", name, got)
		if got > tt.most {
			t.Errorf("%s allocates %v times, at most %v are allowed", name, got, tt.most)
		}
	}
}
