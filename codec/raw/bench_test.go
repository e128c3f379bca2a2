// SPDX-License-Identifier: Apache-2.0

package raw_test

import (
	"encoding/json"
	"testing"

	"github.com/rpcx-go/rpcx/codec/raw"
)

//nolint:paralleltest // counts allocations
func TestAllocations(t *testing.T) {
	data, dst := []byte("hello"), make([]byte, 0, 64)
	for name, f := range map[string]func() error{
		"Append":          func() error { _, err := raw.Codec{}.Append(dst, &data); return err },
		"Unmarshal":       func() error { return raw.Codec{}.Unmarshal(data, &dst) },
		"Append named":    func() error { _, err := raw.Codec{}.Append(dst, (*json.RawMessage)(&data)); return err },
		"Unmarshal named": func() error { return raw.Codec{}.Unmarshal(data, (*json.RawMessage)(&dst)) },
	} {
		got := testing.AllocsPerRun(100, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		})
		if got != 0 {
			t.Errorf("%s allocates %v times, want 0", name, got)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	data, dst := make([]byte, 1024), make([]byte, 0, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := (raw.Codec{}).Append(dst, &data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	data, into := make([]byte, 1024), make([]byte, 0, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := (raw.Codec{}).Unmarshal(data, &into); err != nil {
			b.Fatal(err)
		}
	}
}
