// SPDX-License-Identifier: Apache-2.0

package thrift_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/codec/thrift"
	"github.com/rpcx-go/rpcx/codec/thrift/internal/thriftpb"
)

func samples() map[string]any {
	return map[string]any{"small": &thriftpb.TArgs_{A: 10, B: 20}, "all": sampleAll()}
}

func BenchmarkAppend(b *testing.B) {
	for name, v := range samples() {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (thrift.Codec{}).Append(dst, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for name, v := range samples() {
		b.Run(name, func(b *testing.B) {
			data, err := thrift.Codec{}.Append(nil, v)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := (thrift.Codec{}).Unmarshal(data, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
