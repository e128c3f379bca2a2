// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rpcx-go/rpcx/codec/protobuf/internal/pbtest"
)

// The types of this file stand for generated code of several kinds. All are PArgs on
// the wire.

type args struct{ A, B int32 }

func (a *args) Reset() { *a = args{} }

func (a *args) size() int { return len(a.bytes()) }

func (a *args) bytes() []byte {
	var b []byte
	for i, v := range []int32{a.A, a.B} {
		if v != 0 {
			b = protowire.AppendTag(b, protowire.Number(i+1), protowire.VarintType)
			b = protowire.AppendVarint(b, uint64(v))
		}
	}
	return b
}

func (a *args) parse(b []byte) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		v, n := protowire.ConsumeVarint(b)
		switch {
		case kind != protowire.VarintType:
			n = protowire.ConsumeFieldValue(number, kind, b)
		case number == 1:
			a.A = int32(v)
		case number == 2:
			a.B = int32(v)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
	}
	return nil
}

// fill writes to the end of b, as generated code does.
func (a *args) fill(b []byte) (int, error) {
	data := a.bytes()
	if len(data) > len(b) {
		return 0, io.ErrShortBuffer
	}
	return copy(b[len(b)-len(data):], data), nil
}

// vtArgs is what vtprotobuf adds to a message of Google's.
type vtArgs struct {
	*pbtest.PArgs
	own args
}

func (a *vtArgs) Reset()                                       { a.own.Reset() }
func (a *vtArgs) SizeVT() int                                  { return a.own.size() }
func (a *vtArgs) MarshalToSizedBufferVT(b []byte) (int, error) { return a.own.fill(b) }
func (a *vtArgs) UnmarshalVT(b []byte) error                   { return a.own.parse(b) }

// gogoArgs is what gogo/protobuf generates with the marshaler plugin.
type gogoArgs struct{ args }

func (a *gogoArgs) String() string           { return fmt.Sprint(a.args) }
func (*gogoArgs) ProtoMessage()              {}
func (a *gogoArgs) Size() int                { return a.size() }
func (a *gogoArgs) Marshal() ([]byte, error) { return nil, errors.New("there is a better way") }

func (a *gogoArgs) MarshalTo([]byte) (int, error)              { return 0, errors.New("there is a better way") }
func (a *gogoArgs) MarshalToSizedBuffer(b []byte) (int, error) { return a.fill(b) }
func (a *gogoArgs) Unmarshal(b []byte) error                   { return a.parse(b) }

// toArgs is what older gogo/protobuf generates.
type toArgs struct{ args }

func (a *toArgs) Size() int                       { return a.size() }
func (a *toArgs) Marshal() ([]byte, error)        { return nil, errors.New("there is a better way") }
func (a *toArgs) MarshalTo(b []byte) (int, error) { return copy(b, a.bytes()), nil }
func (a *toArgs) Unmarshal(b []byte) error        { return a.parse(b) }

// plainArgs encodes itself in the simplest way.
type plainArgs struct{ args }

func (a *plainArgs) Marshal() ([]byte, error) { return a.bytes(), nil }
func (a *plainArgs) Unmarshal(b []byte) error { return a.parse(b) }

// v1Args is what github.com/golang/protobuf generated before there was reflection.
type v1Args struct {
	A int32 `protobuf:"varint,1,opt,name=a,proto3"`
	B int32 `protobuf:"varint,2,opt,name=b,proto3"`
}

func (a *v1Args) Reset()         { *a = v1Args{} }
func (a *v1Args) String() string { return fmt.Sprint(*a) }
func (*v1Args) ProtoMessage()    {}

// fussy has methods of its own that fail.
type fussy struct {
	shrinks bool
	err     error
}

func (f *fussy) SizeVT() int { return 4 }
func (f *fussy) MarshalToSizedBufferVT(b []byte) (int, error) {
	copy(b, "xxxx")
	if f.shrinks {
		return 3, nil
	}
	return 4, f.err
}
func (f *fussy) UnmarshalVT([]byte) error { return f.err }

// ownTree is pbtest.Tree with methods that recurse without a limit, as generated ones
// do. It remembers how deep it went.
type ownTree struct {
	name    []byte
	kids    []*ownTree
	deepest int
}

func (t *ownTree) Reset() { *t = ownTree{} }

func (t *ownTree) Marshal() ([]byte, error) { return t.append(nil), nil }

func (t *ownTree) append(b []byte) []byte {
	if len(t.name) > 0 {
		b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), t.name)
	}
	for _, kid := range t.kids {
		b = protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), kid.append(nil))
	}
	return b
}

func (t *ownTree) Unmarshal(b []byte) error {
	t.deepest = 1
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var data []byte
		switch {
		case number <= 2 && kind == protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if number == 1 && kind == protowire.BytesType {
			t.name = bytes.Clone(data)
		}
		if number == 2 && kind == protowire.BytesType {
			kid := new(ownTree)
			t.kids = append(t.kids, kid)
			err := kid.Unmarshal(data)
			t.deepest = max(t.deepest, kid.deepest+1)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
