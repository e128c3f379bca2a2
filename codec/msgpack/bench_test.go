// SPDX-License-Identifier: Apache-2.0

package msgpack_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/msgpack"
)

func everything() *vectors.Everything {
	v := vectors.SampleEverything()
	return &v
}

func BenchmarkAppend(b *testing.B) {
	for name, v := range map[string]any{"small": &vectors.Args{A: 10, B: 20}, "everything": everything()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]byte, 0, 4096)
			for b.Loop() {
				if _, err := (msgpack.Codec{}).Append(dst, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for name, v := range map[string]any{"small": &vectors.Args{A: 10, B: 20}, "everything": everything()} {
		b.Run(name, func(b *testing.B) {
			data, err := msgpack.Codec{}.Append(nil, v)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := (msgpack.Codec{}).Unmarshal(data, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
