// SPDX-License-Identifier: Apache-2.0

package json

import (
	stdjson "encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/protocol"
)

func TestCheckDepth(t *testing.T) {
	t.Parallel()
	const limit = 3
	for name, tt := range map[string]struct {
		data string
		deep bool
	}{
		"arrays at the limit":        {`[[[]]]`, false},
		"arrays over it":             {`[[[[]]]]`, true},
		"objects at the limit":       {`{"a":{"a":{}}}`, false},
		"objects over it":            {`{"a":{"a":{"a":{}}}}`, true},
		"mixed":                      {`[{"a":[{}]}]`, true},
		"side by side":               {`[[],[],[],[],[[]]]`, false},
		"brackets in a string":       {`["[[[[[[{{{{"]`, false},
		"after a string":             {`["]]]",[[[1]]]]`, true},
		"after a quote in a string":  {`["\"[[[[[["]`, false},
		"after an escaped backslash": {`["\\",[[[1]]]]`, true},
		"after two of them":          {`["\\\\",[[[1]]]]`, true},
		"quote after backslashes":    {`["\\\"[[[[[["]`, false},
		"string without end":         {`["[[[[[[`, false},
		"in what follows":            {`[[1]] [[[[[[`, false},
		"after a string value":       {`"a" [[[[[[`, false},
		"after a number":             {`12 [[[[[[`, false},
		"after blanks":               {" \t\r\n[[[[", true},
		"blanks only":                {"      ", false},
		"nothing":                    {"", false},
		"closing first":              {"]]]][[[[[", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := checkDepth([]byte(tt.data), limit); (err != nil) != tt.deep {
				t.Errorf("checkDepth(%s) = %v", tt.data, err)
			}
		})
	}
}

func TestNestingBombs(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"2M arrays":         strings.Repeat("[", 2<<20),
		"16M arrays":        strings.Repeat("[", 16<<20),
		"2M closed arrays":  strings.Repeat("[", 2<<20) + strings.Repeat("]", 2<<20),
		"objects":           strings.Repeat(`{"a":`, 2<<20),
		"in an unknown key": `{"x":` + strings.Repeat("[", 2<<20),
		"one over":          strings.Repeat("[", codec.MaxDepth+1) + strings.Repeat("]", codec.MaxDepth+1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range []any{new(any), new(vectors.Args), new(stdjson.RawMessage)} {
				if err := (Codec{}).Unmarshal([]byte(data), v); err == nil {
					t.Errorf("decoded into %T", v)
				}
			}
		})
	}
	var v any
	data := strings.Repeat("[", codec.MaxDepth) + strings.Repeat("]", codec.MaxDepth)
	if err := (Codec{}).Unmarshal([]byte(data), &v); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}

func seed(f *testing.F) {
	for _, p := range vectors.Load(f, "../..", protocol.JSON) {
		f.Add(p.Data)
	}
	for _, s := range []string{"", "[[[[", `["\\",[[[1]]]]`, `{"a":{"a":{"a":{}}}} [`, `"\`, `1 [[[[`, "[1,x]"} {
		f.Add([]byte(s))
	}
}

// FuzzScan holds the depth check against the tokens of encoding/json.
func FuzzScan(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 3
		err := checkDepth(data, limit)
		if depth, valid := tokenDepth(string(data)); valid && (depth > limit) != (err != nil) {
			t.Errorf("%q is nested %d deep, checkDepth says %v", data, depth, err)
		}
	})
}

// tokenDepth returns how deep the first value is nested, and whether it is valid.
func tokenDepth(s string) (deepest int, valid bool) {
	d := stdjson.NewDecoder(strings.NewReader(s))
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return 0, false
		}
		switch token {
		case stdjson.Delim('['), stdjson.Delim('{'):
			depth++
			deepest = max(deepest, depth)
		case stdjson.Delim(']'), stdjson.Delim('}'):
			depth--
		}
		if depth == 0 {
			return deepest, true
		}
	}
}

// FuzzUnmarshal holds the codec, with its decoders that are used again, against a
// fresh decoder.
func FuzzUnmarshal(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want any
		err := Codec{}.Unmarshal(data, &got)
		fresh := stdjson.NewDecoder(strings.NewReader(string(data)))
		fresh.UseNumber()
		wantErr := fresh.Decode(&want)
		if (err == nil) != (wantErr == nil) && len(data) <= codec.MaxDepth {
			t.Fatalf("got %v, a fresh decoder %v", err, wantErr)
		}
		var syntax, wantSyntax *stdjson.SyntaxError
		if errors.As(err, &syntax) && errors.As(wantErr, &wantSyntax) && *syntax != *wantSyntax {
			t.Errorf("got %+v, a fresh decoder %+v", syntax, wantSyntax)
		}
		if err != nil {
			return
		}
		a, err := Codec{}.Append(nil, got)
		if err != nil {
			t.Fatalf("%v was decoded and cannot be encoded: %v", got, err)
		}
		if b, err := stdjson.Marshal(want); err != nil || string(a) != string(b) {
			t.Errorf("got %s, a fresh decoder %s, %v", a, b, err)
		}
	})
}
