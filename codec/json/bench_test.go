// SPDX-License-Identifier: Apache-2.0

package json_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/json"
)

func samples() map[string]any {
	everything := vectors.SampleEverything()
	return map[string]any{"small": &vectors.Args{A: 10, B: 20}, "everything": &everything}
}

func BenchmarkAppend(b *testing.B) {
	for name, v := range samples() {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (json.Codec{}).Append(dst, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for name, v := range samples() {
		b.Run(name, func(b *testing.B) {
			data, err := json.Codec{}.Append(nil, v)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := (json.Codec{}).Unmarshal(data, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
