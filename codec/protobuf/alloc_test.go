// SPDX-License-Identifier: Apache-2.0

//go:build !race

// The race detector allocates.

package protobuf_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/rpcx-go/rpcx/codec/protobuf"
	"github.com/rpcx-go/rpcx/codec/protobuf/internal/pbtest"
)

// fixed is generated code that does not allocate.
type fixed struct{ a byte }

func (f *fixed) Reset()                                       { *f = fixed{} }
func (f *fixed) SizeVT() int                                  { return 2 }
func (f *fixed) MarshalToSizedBufferVT(b []byte) (int, error) { return copy(b, []byte{8, f.a}), nil }
func (f *fixed) UnmarshalVT(b []byte) error                   { f.a = b[1]; return nil }

// TestAllocations: into a buffer with room, the codec adds none to those of the
// message's own code.
func TestAllocations(t *testing.T) {
	var (
		c    protobuf.Codec
		all  = sampleAll()
		args = &pbtest.PArgs{A: 10, B: 20}
		own  = &fixed{a: 10}
		dst  = make([]byte, 0, 4096)
		four = []byte{8, 10, 16, 20}
	)
	data, err := c.Append(nil, all)
	if err != nil {
		t.Fatal(err)
	}
	allocs := func(f func() error) float64 {
		return testing.AllocsPerRun(1000, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		})
	}
	library := func(m proto.Message) float64 {
		return allocs(func() error { _, err := proto.MarshalOptions{}.MarshalAppend(dst, m); return err })
	}
	for name, tt := range map[string]struct {
		f    func() error
		want float64
	}{
		"Append all":     {func() error { _, err := c.Append(dst, all); return err }, library(all)},
		"Append args":    {func() error { _, err := c.Append(dst, args); return err }, 0},
		"Append own":     {func() error { _, err := c.Append(dst, own); return err }, 0},
		"Unmarshal args": {func() error { return c.Unmarshal(four, args) }, 0},
		"Unmarshal own":  {func() error { return c.Unmarshal(four[:2], own) }, 0},
		"Unmarshal all": {
			func() error { return c.Unmarshal(data, all) },
			allocs(func() error { return proto.Unmarshal(data, all) }),
		},
	} {
		if got := allocs(tt.f); got > tt.want {
			t.Errorf("%s allocates %v times, want at most %v", name, got, tt.want)
		}
	}
}
