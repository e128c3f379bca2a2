// SPDX-License-Identifier: Apache-2.0

package msgpack_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/codec/codectest"
	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/msgpack"
)

func TestCodec(t *testing.T) {
	t.Parallel()
	equalTime := func(want, got any) bool { return want.(time.Time).Equal(*got.(*time.Time)) }
	codectest.Run(t, msgpack.Codec{},
		codectest.Case{Name: "struct", Value: &vectors.Args{A: 1, B: -2}, New: func() any { return new(vectors.Args) }},
		codectest.Case{
			Name:  "everything",
			Value: func() any { v := vectors.SampleEverything(); v.T = time.Time{}; return &v }(),
			New:   func() any { return new(vectors.Everything) },
		},
		codectest.Case{Name: "array", Value: vectors.AsArray{X: 1, Y: "y"}, New: func() any { return new(vectors.AsArray) }},
		codectest.Case{Name: "string", Value: "hello", New: func() any { return new(string) }},
		codectest.Case{Name: "bytes", Value: []byte("hello"), New: func() any { return new([]byte) }},
		codectest.Case{Name: "strings", Value: []string{"a", "b"}, New: func() any { return new([]string) }},
		codectest.Case{Name: "string map", Value: map[string]string{"a": "b"}, New: func() any { return new(map[string]string) }},
		codectest.Case{Name: "any map", Value: map[string]any{"a": "b", "c": []any{nil, true}}, New: func() any { return new(map[string]any) }},
		codectest.Case{Name: "map of any keys", Value: map[any]any{"a": "b"}, New: func() any { return new(map[any]any) }},
		codectest.Case{Name: "any", Value: map[string]any{"a": int8(1)}, New: func() any { return new(any) }, Equal: func(want, got any) bool {
			return reflect.DeepEqual(want, *got.(*any))
		}},
		codectest.Case{Name: "time", Value: time.Unix(1, 2), New: func() any { return new(time.Time) }, Equal: equalTime},
		codectest.Case{Name: "interned", Value: interned{"long enough", "long enough"}, New: func() any { return new(interned) }},
		codectest.Case{Name: "own methods", Value: &generated{"hello"}, New: func() any { return new(generated) }},
	)
}

type interned struct {
	A string `msgpack:",intern"`
	B string `msgpack:",intern"`
}

// generated has the methods that tinylib/msgp generates. It is a string in the other
// case of letters, which shows who encoded it.
type generated struct{ s string }

func (g *generated) MarshalMsg(b []byte) ([]byte, error) {
	if g.s == "fail" {
		return append(b, "half"...), errors.New("told to fail")
	}
	b = append(b, 0xa0|byte(len(g.s)))
	return append(b, strings.ToUpper(g.s)...), nil
}

func (g *generated) UnmarshalMsg(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0]&0xe0 != 0xa0 || len(b) < 1+int(b[0]&0x1f) {
		return b, io.EOF
	}
	n := 1 + int(b[0]&0x1f)
	g.s = strings.ToLower(string(b[1:n]))
	return b[n:], nil
}

func TestOwnMethodsGoFirst(t *testing.T) {
	t.Parallel()
	c := msgpack.Codec{}
	data, err := c.Append([]byte("-"), &generated{"abc"})
	if err != nil || string(data) != "-\xa3ABC" {
		t.Fatalf("Append = %q, %v", data, err)
	}
	var g generated
	if err := c.Unmarshal([]byte("\xa3ABC trailing bytes"), &g); err != nil || g.s != "abc" {
		t.Fatalf("Unmarshal = %q, %v", g.s, err)
	}
	if data, err := c.Append([]byte("-"), &generated{"fail"}); err == nil || string(data) != "-" {
		t.Errorf("failed Append = %q, %v", data, err)
	}
	if err := c.Unmarshal([]byte{0x01}, &g); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("an io.EOF of the type came back as %v: it must not look like the end of a connection", err)
	}
	if _, err := c.Append(nil, (*generated)(nil)); err == nil {
		t.Error("a nil pointer with methods of its own was encoded")
	}
}

// TestIntegerWidths: a peer in another language may use any width for any field.
func TestIntegerWidths(t *testing.T) {
	t.Parallel()
	type fields struct {
		I   int
		I8  int8
		I16 int16
		I32 int32
		I64 int64
		U   uint
		U8  uint8
		U16 uint16
		U32 uint32
		U64 uint64
		D   time.Duration
	}
	want := fields{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}
	for name, five := range map[string]string{
		"fixint": "\x05",
		"uint8":  "\xcc\x05", "uint16": "\xcd\x00\x05", "uint32": "\xce\x00\x00\x00\x05", "uint64": "\xcf\x00\x00\x00\x00\x00\x00\x00\x05",
		"int8": "\xd0\x05", "int16": "\xd1\x00\x05", "int32": "\xd2\x00\x00\x00\x05", "int64": "\xd3\x00\x00\x00\x00\x00\x00\x00\x05",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			typ := reflect.TypeFor[fields]()
			data := []byte{0x80 | byte(typ.NumField())}
			for i := range typ.NumField() {
				field := typ.Field(i).Name
				data = append(data, 0xa0|byte(len(field)))
				data = append(append(data, field...), five...)
			}
			var got fields
			if err := (msgpack.Codec{}).Unmarshal(data, &got); err != nil || got != want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestTrailingBytesAreIgnored(t *testing.T) {
	t.Parallel()
	var s string
	if err := (msgpack.Codec{}).Unmarshal([]byte("\xa1a\xdd\xff\xff\xff\xff"), &s); err != nil || s != "a" {
		t.Errorf("got %q, %v", s, err)
	}
}

// TestValuesThatMakeTheLibraryPanic: each of these is a panic of vmihailenco/msgpack.
func TestValuesThatMakeTheLibraryPanic(t *testing.T) {
	t.Parallel()
	c := msgpack.Codec{}
	for name, tt := range map[string]struct {
		data string
		into any
	}{
		"nil for a time":             {"\x81\xa1T\xc0", &struct{ T time.Time }{}},
		"list as a map key":          {"\x81\x91\x01\x01", new(map[any]any)},
		"number for a Stringer":      {"\x81\xa1S\x01", &struct{ S fmt.Stringer }{}},
		"nil pointer to strings":     {"\x91\xa1a", (*[]string)(nil)},
		"nil pointer to string map":  {"\x81\xa1a\xa1a", (*map[string]string)(nil)},
		"nil pointer to its methods": {"\xa1a", (*generated)(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := c.Unmarshal([]byte(tt.data), tt.into); err == nil {
				t.Error("no error")
			}
		})
	}
	if out, err := c.Append([]byte("-"), uintptr(1)); err == nil || string(out) != "-" {
		t.Errorf("Append of a uintptr = %q, %v", out, err)
	}
}

// TestTimesThatLookLikeMaps: the first byte of a time's body depends on its
// nanoseconds, and for these it is one that begins a map. See the reader.
func TestTimesThatLookLikeMaps(t *testing.T) {
	t.Parallel()
	c := msgpack.Codec{}
	type with struct {
		Before int
		T      time.Time
		After  string
	}
	type without struct{ After string }
	for first := range 256 {
		nanos := int64(first)<<22 + 1<<21 // the top byte of nanoseconds<<34
		if nanos > 999999999 {
			break
		}
		want := with{1, time.Unix(1700000000, nanos), "after"}
		data, err := c.Append(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(data, []byte{0xd7, 0xff}); i < 0 || data[i+2] != byte(first) {
			t.Fatalf("%x: the body of the time does not begin with %#x", data, first)
		}
		var got with
		if err := c.Unmarshal(data, &got); err != nil || !got.T.Equal(want.T) || got.After != "after" {
			t.Errorf("first byte %#x: got %+v, %v", first, got, err)
		}
		var skipped without
		if err := c.Unmarshal(data, &skipped); err != nil || skipped.After != "after" {
			t.Errorf("first byte %#x in an unknown field: got %+v, %v", first, skipped, err)
		}
	}
}

// TestMapInExtension: the library decodes an extension that holds a map into one.
func TestMapInExtension(t *testing.T) {
	t.Parallel()
	var m map[string]string
	if err := (msgpack.Codec{}).Unmarshal([]byte("\xc7\x05\x2a\x81\xa1k\xa1v"), &m); err != nil || m["k"] != "v" {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestFailedDecodeLeavesNoTrace(t *testing.T) {
	t.Parallel()
	c := msgpack.Codec{}
	for range 100 {
		var bad struct{ A []int }
		if err := c.Unmarshal([]byte("\x81\xa1A\xa1x"), &bad); err == nil {
			t.Fatal("a string was decoded into a list")
		}
		var good vectors.Args
		if err := c.Unmarshal([]byte("\x82\xa1A\x01\xa1B\x02"), &good); err != nil || good != (vectors.Args{A: 1, B: 2}) {
			t.Fatalf("after a failure: %+v, %v", good, err)
		}
	}
}

func TestLargePayload(t *testing.T) {
	t.Parallel()
	c, want := msgpack.Codec{}, strings.Repeat("x", math.MaxUint16+1)
	data, err := c.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := c.Unmarshal(data, &got); err != nil || got != want {
		t.Errorf("%d bytes came back as %d, %v", len(want), len(got), err)
	}
}
