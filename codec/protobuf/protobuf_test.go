// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rpcx-go/rpcx/codec/codectest"
	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/protobuf"
	"github.com/rpcx-go/rpcx/codec/protobuf/internal/pbtest"
	"github.com/rpcx-go/rpcx/protocol"
)

func equal(want, got any) bool { return proto.Equal(want.(proto.Message), got.(proto.Message)) }

func sampleAll() *pbtest.All {
	return &pbtest.All{
		I32: -1, I64: 1 << 40, U32: 7, U64: math.MaxUint64, S32: -2, S64: -3, F32: 9, F64: 10, Sf64: -11,
		Fl: 1.5, Db: -2.25, Ok: true, S: "héllo", B: []byte{0, 0xff}, Nums: []int32{1, 300, -1}, Strs: []string{"a", "b"},
		M: map[string]int32{"k": 5}, In: &pbtest.Inner{Name: "in", Score: 0.5},
		Ins: []*pbtest.Inner{{Name: "x"}, {Score: 1}},
	}
}

func TestCodec(t *testing.T) {
	t.Parallel()
	codectest.Run(t, protobuf.Codec{},
		codectest.Case{Name: "google", Value: sampleAll(), New: func() any { return new(pbtest.All) }, Equal: equal},
		codectest.Case{Name: "empty", Value: new(pbtest.PArgs), New: func() any { return new(pbtest.PArgs) }, Equal: equal},
		codectest.Case{
			Name:  "recursive",
			Value: &pbtest.Tree{Name: "a", Kids: []*pbtest.Tree{{Name: "b"}, {Kids: []*pbtest.Tree{{}}}}},
			New:   func() any { return new(pbtest.Tree) },
			Equal: equal,
		},
		codectest.Case{Name: "vtprotobuf", Value: &vtArgs{own: args{1, -2}}, New: func() any { return new(vtArgs) }},
		codectest.Case{Name: "gogo", Value: &gogoArgs{args{1, -2}}, New: func() any { return new(gogoArgs) }},
		codectest.Case{Name: "old gogo", Value: &toArgs{args{1, -2}}, New: func() any { return new(toArgs) }},
		codectest.Case{Name: "own methods", Value: &plainArgs{args{1, -2}}, New: func() any { return new(plainArgs) }},
		codectest.Case{Name: "golang/protobuf", Value: &v1Args{1, -2}, New: func() any { return new(v1Args) }},
	)
}

// TestVectors holds encoding and decoding against what real rpcx wrote.
func TestVectors(t *testing.T) {
	t.Parallel()
	c := protobuf.Codec{}
	messages := map[string]proto.Message{
		"pb-all":        sampleAll(),
		"pb-empty":      &pbtest.PArgs{},
		"pb-args-gogo":  &pbtest.PArgs{A: 10, B: 20},
		"pb-colorgroup": &pbtest.ColorGroup{Id: 1, Name: "Reds", Colors: []string{"Crimson", "Red"}},
		"pb-timestamp":  &timestamppb.Timestamp{Seconds: 1700000000, Nanos: 5},
	}
	for _, p := range vectors.Load(t, "../..", protocol.ProtoBuffer) {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			want, ok := messages[p.ID]
			if !ok || !p.Exact() {
				t.Fatal("no message is known for this vector")
			}
			if data, err := c.Append(nil, want); err != nil || !bytes.Equal(data, p.Data) {
				t.Errorf("Append = %x, %v\nwant %x", data, err, p.Data)
			}
			got := want.ProtoReflect().New().Interface()
			if err := c.Unmarshal(p.Data, got); err != nil || !proto.Equal(got, want) {
				t.Errorf("Unmarshal gave %v, %v, want %v", got, err, want)
			}
		})
	}
}

// TestGenerationsAgree: every kind of generated code gives the bytes of the others and
// reads them.
func TestGenerationsAgree(t *testing.T) {
	t.Parallel()
	c, want := protobuf.Codec{}, []byte{8, 10, 16, 20}
	for name, tt := range map[string]struct {
		full, used any
		a          func(v any) int32
	}{
		"google":          {&pbtest.PArgs{A: 10, B: 20}, &pbtest.PArgs{A: 1, B: 2}, func(v any) int32 { return v.(*pbtest.PArgs).A }},
		"vtprotobuf":      {&vtArgs{own: args{10, 20}}, &vtArgs{own: args{1, 2}}, func(v any) int32 { return v.(*vtArgs).own.A }},
		"gogo":            {&gogoArgs{args{10, 20}}, &gogoArgs{args{1, 2}}, func(v any) int32 { return v.(*gogoArgs).A }},
		"old gogo":        {&toArgs{args{10, 20}}, &toArgs{args{1, 2}}, func(v any) int32 { return v.(*toArgs).A }},
		"own methods":     {&plainArgs{args{10, 20}}, &plainArgs{args{1, 2}}, func(v any) int32 { return v.(*plainArgs).A }},
		"golang/protobuf": {&v1Args{10, 20}, &v1Args{1, 2}, func(v any) int32 { return v.(*v1Args).A }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, dst := range [][]byte{nil, []byte("-"), append(make([]byte, 0, 99), "-"...)} {
				if data, err := c.Append(dst, tt.full); err != nil || !bytes.Equal(data, append(bytes.Clone(dst), want...)) {
					t.Errorf("Append = %x, %v, want %x", data, err, want)
				}
			}
			if err := c.Unmarshal(want[:2], tt.used); err != nil || tt.a(tt.used) != 10 {
				t.Errorf("Unmarshal gave %v, %v", tt.used, err)
			}
			// What was in the message before must be gone.
			if data, err := c.Append(nil, tt.used); err != nil || !bytes.Equal(data, want[:2]) {
				t.Errorf("after decoding into a used message it is %x, %v, want %x", data, err, want[:2])
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	c := protobuf.Codec{}
	for name, v := range map[string]any{
		"nil": nil, "struct": struct{}{}, "pointer": new(int), "message that is no pointer": args{},
		"nil google": (*pbtest.PArgs)(nil), "nil vtprotobuf": (*vtArgs)(nil), "nil gogo": (*gogoArgs)(nil), "nil old": (*v1Args)(nil),
		"not UTF-8":              &pbtest.Inner{Name: "\xff"},
		"size that was wrong":    &fussy{shrinks: true},
		"methods that fail":      &fussy{err: errors.New("no")},
		"methods that see EOF":   &fussy{err: io.EOF},
		"methods that see a cut": &fussy{err: io.ErrUnexpectedEOF},
	} {
		dst := append(make([]byte, 0, 99), "prefix"...)
		out, err := c.Append(dst, v)
		if err == nil || !strings.HasPrefix(err.Error(), "protobuf: ") || errors.Is(err, io.EOF) || string(out) != "prefix" {
			t.Errorf("Append of %s = %q, %v", name, out, err)
		}
	}
	for name, v := range map[string]any{
		"nil": nil, "struct": struct{}{}, "pointer": new(int),
		"nil google": (*pbtest.PArgs)(nil), "nil vtprotobuf": (*vtArgs)(nil), "nil gogo": (*gogoArgs)(nil), "nil old": (*v1Args)(nil),
		"google": new(pbtest.PArgs), "gogo": new(gogoArgs), "old": new(v1Args), "methods that see EOF": &fussy{err: io.EOF},
	} {
		err := c.Unmarshal([]byte{8}, v) // a tag without its value
		if err == nil || !strings.HasPrefix(err.Error(), "protobuf: ") || errors.Is(err, io.EOF) {
			t.Errorf("Unmarshal into %s: %v", name, err)
		}
	}
}
