// SPDX-License-Identifier: Apache-2.0

package rpcx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

func BenchmarkMetadata(b *testing.B) {
	pairs := []string{"trace-id", "4bf92f3577b34da6a3ce929d0e0e4736", "tenant", "benchmark", "locale", "en-US"}
	md := rpcx.Pairs(pairs...)
	ctx := rpcx.WithMetadata(context.Background(), md)
	block, err := md.AppendBinary(nil)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 1024)
	for name, f := range map[string]func(){
		"Pairs":            func() { _ = rpcx.Pairs(pairs...) },
		"Get":              func() { _ = md.Get("locale") },
		"WithMetadata":     func() { _ = rpcx.WithMetadata(context.Background(), md) },
		"OutgoingMetadata": func() { _ = rpcx.OutgoingMetadata(ctx) },
		"AppendBinary":     func() { _, _ = md.AppendBinary(dst) },
		"ParseMetadata":    func() { _, _ = protocol.ParseMetadata(block) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

func BenchmarkError(b *testing.B) {
	plain := rpcx.Errorf(rpcx.NotFound, "no user %d", 7)
	wrapped := fmt.Errorf("load the profile: %w", plain)
	detailed := plain.WithDetail("user", "7")
	block := rpcx.AppendWireError(nil, detailed)
	md, err := protocol.ParseMetadata(block)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 1024)
	for name, f := range map[string]func(){
		"Errorf":                 func() { _ = rpcx.Errorf(rpcx.NotFound, "no user %d", 7) },
		"CodeOf":                 func() { _ = rpcx.CodeOf(wrapped) },
		"CodeOf another":         func() { _ = rpcx.CodeOf(io.EOF) },
		"Is":                     func() { _ = errors.Is(wrapped, rpcx.NotFound) },
		"SafeToRetry":            func() { _ = rpcx.SafeToRetry(wrapped) },
		"AppendWireError":        func() { _ = rpcx.AppendWireError(dst, plain) },
		"AppendWireError detail": func() { _ = rpcx.AppendWireError(dst, detailed) },
		"FromWire":               func() { _ = rpcx.FromWire(md) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
