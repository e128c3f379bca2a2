// SPDX-License-Identifier: Apache-2.0

package thrift_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	library "github.com/apache/thrift/lib/go/thrift"

	"github.com/rpcx-go/rpcx/codec/codectest"
	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/thrift"
	"github.com/rpcx-go/rpcx/codec/thrift/internal/thriftpb"
	"github.com/rpcx-go/rpcx/protocol"
)

func sampleAll() *thriftpb.TAll {
	opt := "o"
	return &thriftpb.TAll{
		Ok: true, B8: -1, I16v: -2, I32v: 3, I64v: -4, Db: 1.5, S: "héllo", Bin: []byte{0, 0xff},
		Nums: []int32{1, 2}, Strs: []string{"a"}, Uniq: []int32{7}, M: map[string]int32{"k": 5},
		Inner: &thriftpb.TInner{Name: "in", Score: 0.5}, Inners: []*thriftpb.TInner{{Name: "x"}}, Opt: &opt,
	}
}

func TestCodec(t *testing.T) {
	t.Parallel()
	codectest.Run(t, thrift.Codec{},
		codectest.Case{Name: "all", Value: sampleAll(), New: func() any { return new(thriftpb.TAll) }},
		codectest.Case{Name: "args", Value: &thriftpb.TArgs_{A: 1, B: -2}, New: func() any { return new(thriftpb.TArgs_) }},
		codectest.Case{Name: "recursive", Value: sampleTree(), New: func() any { return new(thriftpb.TTree) }},
	)
}

func sampleTree() *thriftpb.TTree {
	leaf := &thriftpb.TTree{Name: "leaf", Kids: []*thriftpb.TTree{}, Named: map[string]*thriftpb.TTree{}}
	return &thriftpb.TTree{Name: "root", Kids: []*thriftpb.TTree{leaf, leaf}, Named: map[string]*thriftpb.TTree{"a": leaf}}
}

// TestVectors holds encoding and decoding against what real rpcx wrote.
func TestVectors(t *testing.T) {
	t.Parallel()
	c := thrift.Codec{}
	structs := map[string]any{
		"thrift-all":        sampleAll(),
		"thrift-args":       &thriftpb.TArgs_{A: 10, B: 20},
		"thrift-inner-zero": &thriftpb.TInner{},
	}
	for _, p := range vectors.Load(t, "../..", protocol.Thrift) {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			want, ok := structs[p.ID]
			if !ok || !p.Exact() {
				t.Fatal("no struct is known for this vector")
			}
			if data, err := c.Append(nil, want); err != nil || !bytes.Equal(data, p.Data) {
				t.Errorf("Append = %x, %v\nwant %x", data, err, p.Data)
			}
			got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
			if err := c.Unmarshal(p.Data, got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Unmarshal gave %+v, %v, want %+v", got, err, want)
			}
		})
	}
}

// TestUnknownFields: a struct of a newer schema decodes into one of an older.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	data, err := thrift.Codec{}.Append(nil, sampleAll())
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, "trailing bytes"...)
	var got thriftpb.TReply
	if err := (thrift.Codec{}).Unmarshal(data, &got); err != nil || got.C != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestLongStrings(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 63, 64, 511, 512, 513, 1 << 20} {
		want := &thriftpb.TAll{S: strings.Repeat("s", n), Bin: bytes.Repeat([]byte{1}, n), Inner: &thriftpb.TInner{}}
		data, err := thrift.Codec{}.Append(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		var got thriftpb.TAll
		if err := (thrift.Codec{}).Unmarshal(data, &got); err != nil || got.S != want.S || !bytes.Equal(got.Bin, want.Bin) || got.Bin == nil {
			t.Errorf("%d bytes came back as %d and %d, %v", n, len(got.S), len(got.Bin), err)
		}
	}
}

// fails is a struct whose methods do.
type fails struct{ err error }

func (f *fails) Write(ctx context.Context, p library.TProtocol) error {
	if err := p.WriteString(ctx, "half"); err != nil {
		return err
	}
	return f.err
}
func (f *fails) Read(context.Context, library.TProtocol) error { return f.err }

func TestErrors(t *testing.T) {
	t.Parallel()
	c := thrift.Codec{}
	for name, v := range map[string]any{
		"nil":         nil,
		"other":       new(int),
		"no pointer":  thriftpb.TArgs_{},
		"nil pointer": (*thriftpb.TArgs_)(nil),
		"failing":     &fails{errors.New("no")},
		"end of file": &fails{io.EOF},
		"long text":   &fails{errors.New(strings.Repeat("long ", 1<<16) + "cause")},
	} {
		dst := append(make([]byte, 0, 99), "prefix"...)
		out, err := c.Append(dst, v)
		check(t, "Append of "+name, err)
		if string(out) != "prefix" {
			t.Errorf("a failed Append of %s returned %q", name, out)
		}
		check(t, "Unmarshal into "+name, c.Unmarshal([]byte{0}, v))
	}
	check(t, "empty payload", c.Unmarshal(nil, new(thriftpb.TArgs_)))
	check(t, "cut payload", c.Unmarshal([]byte{8, 0, 1, 0}, new(thriftpb.TArgs_)))
	var cause library.TProtocolException
	if err := c.Unmarshal([]byte{0x7f, 0, 9}, new(thriftpb.TArgs_)); !errors.As(err, &cause) || cause.TypeId() != library.INVALID_DATA {
		t.Errorf("a field of an unknown type: %v", err)
	}
}

func check(t *testing.T, what string, err error) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: no error", what)
	case !strings.HasPrefix(err.Error(), "thrift: "):
		t.Errorf("%s: %v does not name the package", what, err)
	case errors.Is(err, io.EOF):
		t.Errorf("%s: %v looks like the end of a connection", what, err)
	case len(err.Error()) > 2<<10:
		t.Errorf("%s: the error is %d bytes long", what, len(err.Error()))
	}
}
