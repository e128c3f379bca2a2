// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"bytes"
	"testing"

	"github.com/rpcx-go/rpcx/codec/protobuf"
	"github.com/rpcx-go/rpcx/codec/protobuf/internal/pbtest"
)

func samples() map[string]any {
	return map[string]any{
		"small": &pbtest.PArgs{A: 10, B: 20},
		"all":   sampleAll(),
		// Walked over before it is decoded.
		"own methods 64k": &ownTree{name: bytes.Repeat([]byte("h"), 64<<10)},
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, v := range samples() {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 128<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (protobuf.Codec{}).Append(dst, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for name, v := range samples() {
		b.Run(name, func(b *testing.B) {
			data, err := protobuf.Codec{}.Append(nil, v)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := (protobuf.Codec{}).Unmarshal(data, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
