// SPDX-License-Identifier: Apache-2.0

package json_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/codec/codectest"
	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/json"
	"github.com/rpcx-go/rpcx/protocol"
)

func TestCodec(t *testing.T) {
	t.Parallel()
	codectest.Run(t, json.Codec{},
		codectest.Case{Name: "struct", Value: &vectors.Args{A: 1, B: -2}, New: func() any { return new(vectors.Args) }},
		codectest.Case{Name: "everything", Value: vectors.SampleEverything(), New: func() any { return new(vectors.Everything) }},
		codectest.Case{Name: "string", Value: "<a & b>", New: func() any { return new(string) }},
		codectest.Case{Name: "number", Value: 42, New: func() any { return new(int) }},
		codectest.Case{Name: "bytes", Value: []byte("hello"), New: func() any { return new([]byte) }},
		codectest.Case{Name: "text", Value: stdjson.RawMessage(`{"a":[1,2]}`), New: func() any { return new(stdjson.RawMessage) }},
		codectest.Case{Name: "map", Value: map[string]any{"a": stdjson.Number("1.50")}, New: func() any { return new(map[string]any) }},
	)
}

// TestVectors holds encoding and decoding against what real rpcx wrote.
func TestVectors(t *testing.T) {
	t.Parallel()
	c, values := json.Codec{}, vectors.Values()
	for _, p := range vectors.Load(t, "../..", protocol.JSON) {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			if p.ID == "json-decode-any" {
				var got any
				want := map[string]any{"n": stdjson.Number("12345678901234567890"), "f": stdjson.Number("1.0")}
				if err := c.Unmarshal(p.Data, &got); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("got %#v, %v, want %#v", got, err, want)
				}
				return
			}
			want, ok := values[strings.TrimSuffix(p.ID, "-json")]
			if !ok {
				want, ok = values[p.ID]
			}
			if !ok || !p.Exact() {
				t.Fatal("no value is known for this vector")
			}
			got := reflect.New(reflect.TypeOf(want))
			if err := c.Unmarshal(p.Data, got.Interface()); err != nil {
				t.Fatal(err)
			}
			for name, v := range map[string]any{"the value": want, "what was decoded": got.Elem().Interface()} {
				if data, err := c.Append(nil, v); err != nil || !bytes.Equal(data, p.Data) {
					t.Errorf("Append of %s\n got %s, %v\nwant %s", name, data, err, p.Data)
				}
			}
		})
	}
}

func TestSameBytesAsMarshal(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, "", "\u2029\x00\xff", "\n", 1e21, []any{}, map[string]int{"b": 1, "a": 2}, (*int)(nil), struct{}{}} {
		want, err := stdjson.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := (json.Codec{}).Append(nil, v); err != nil || !bytes.Equal(got, want) {
			t.Errorf("Append(%#v) = %q, %v, want %q", v, got, err, want)
		}
	}
}

// TestFirstValueCounts: bytes after it are ignored, whatever they are, and do not
// meet the next payload.
func TestFirstValueCounts(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 5000)
	for _, tail := range []string{"", "\n", " ", `{"A":7,"B":7}`, "garbage", "]", `"`, "\x00", "-2", " " + deep, strings.Repeat("x", 5000)} {
		for head, want := range map[string]any{
			`{"A":1,"B":2}`:  vectors.Args{A: 1, B: 2},
			" \t\r\n[1,[2]]": []any{stdjson.Number("1"), []any{stdjson.Number("2")}},
			`"a \" b"`:       `a " b`,
			"true":           true,
			"12":             12,
		} {
			if head == "12" && (tail == "" || !strings.ContainsAny(tail[:1], " \n{\x00]\"gx")) {
				continue // part of the number
			}
			got := reflect.New(reflect.TypeOf(want))
			if err := (json.Codec{}).Unmarshal([]byte(head+tail), got.Interface()); err != nil || !reflect.DeepEqual(got.Elem().Interface(), want) {
				t.Errorf("%s before %.20q: got %v, %v", head, tail, got.Elem(), err)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	c := json.Codec{}
	for name, tt := range map[string]struct {
		data string
		into any
	}{
		"empty":                  {"", new(any)},
		"blanks":                 {" \n", new(any)},
		"cut":                    {`{"A":`, new(vectors.Args)},
		"not JSON":               {"hello", new(any)},
		"wrong type":             {`{"A":"x"}`, new(vectors.Args)},
		"1 MB number":            {strings.Repeat("9", 1<<20), new(int)},
		"exponent":               {"1e999999999", new(float64)},
		"exponent for a uint":    {"1e999999999", new(uint64)},
		"array end":              {"]", new(any)},
		"string without end":     {`"` + strings.Repeat("a", 5000), new(string)},
		"string that is escaped": {`["` + strings.Repeat(`\`, 5001) + `"]`, new(any)},
		"own methods":            {`"x"`, new(refuses)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.Unmarshal([]byte(tt.data), tt.into)
			if err == nil || !strings.HasPrefix(err.Error(), "json: ") || strings.HasPrefix(err.Error(), "json: json: ") {
				t.Errorf("got %v, want an error that begins with json: once", err)
			}
			if errors.Is(err, io.EOF) {
				t.Errorf("%v looks like the end of a connection", err)
			}
		})
	}
	for _, v := range []any{math.Inf(1), func() {}, refuses{}} {
		out, err := c.Append([]byte("-"), v)
		if err == nil || string(out) != "-" || !strings.HasPrefix(err.Error(), "json: ") {
			t.Errorf("Append(%T) = %q, %v", v, out, err)
		}
	}
}

type refuses struct{}

func (refuses) MarshalJSON() ([]byte, error)  { return nil, errors.New("not me") }
func (*refuses) UnmarshalJSON(_ []byte) error { return io.EOF }

// TestSyntaxErrorOffset: decoders are used again, and the offset must not count what
// they read before.
func TestSyntaxErrorOffset(t *testing.T) {
	t.Parallel()
	for range 100 {
		var v any
		if err := (json.Codec{}).Unmarshal([]byte(`{"a":1}`), &v); err != nil {
			t.Fatal(err)
		}
		var syntax *stdjson.SyntaxError
		if err := (json.Codec{}).Unmarshal([]byte(`[1,x]`), &v); !errors.As(err, &syntax) || syntax.Offset != 4 {
			t.Fatalf("got %v, offset %d, want 4", err, syntax.Offset)
		}
	}
}

func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	data := "{" + strings.Repeat(`"k":[{}],`, 200000) + `"A":1}`
	var v vectors.Args
	if err := (json.Codec{}).Unmarshal([]byte(data), &v); err != nil || v.A != 1 {
		t.Errorf("got %+v, %v", v, err)
	}
}
