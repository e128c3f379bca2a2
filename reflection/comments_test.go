// SPDX-License-Identifier: Apache-2.0

package reflection_test

import (
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rpcx-go/rpcx/reflection"
)

func TestComments(t *testing.T) {
	t.Parallel()
	got, err := reflection.Comments(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	want := reflection.Docs{
		"arith.Arith":     "Arith does sums.",
		"arith.Arith.Mul": "Mul multiplies.\n\nDeprecated: use Add, often.",
		"arith.Sum":       "Sum is a function.",
		"arith.Args":      "Args are two numbers.",
		"arith.Args.A":    "A is the first.",
		"arith.Args.B":    "the second",
		"arith.Args.C":    "others",
		"arith.Args.D":    "others",
		"arith.List":      "List is generic.",
		"arith.Len":       "Len is a method of a generic type.",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestCommentsOfNoGo(t *testing.T) {
	t.Parallel()
	_, err := reflection.Comments(fstest.MapFS{"a/b.go": {Data: []byte("package <b>")}})
	if err == nil || !strings.HasPrefix(err.Error(), "reflection: read comments: a/b.go:1:9") {
		t.Errorf("%v", err)
	}
	if _, err := reflection.Comments(fstest.MapFS{"b_test.go": {Data: []byte("no")}, "b.txt": {Data: []byte("no")}}); err != nil {
		t.Errorf("what is no source: %v", err)
	}
}

// Comments reach the schemas of the types that they stand at.
func TestCommentsInSchemas(t *testing.T) {
	t.Parallel()
	docs := reflection.Docs{
		"reflection_test.Inner":       "Inner is <small>.\n\nDeprecated: by Outer.",
		"reflection_test.Inner.Score": "out of ten",
		"reflection_test.Odd":         "Odd is odd.",
	}
	want := `{"description":"Inner is \u003csmall\u003e.\n\nDeprecated: by Outer.","deprecated":true,"type":"object","properties":{"Name":{"type":"string"},` +
		`"score":{"description":"out of ten","type":"number","format":"double","x-omitempty":true,"x-msgpack-name":"Score"}},"x-go-type":"reflection_test.Inner"}`
	if got := def(describe[Inner](docs)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want = `{"description":"Odd is odd.\n\nas the method MarshalJSON of reflection_test.Odd writes it","x-go-type":"reflection_test.Odd"}`
	if got := def(describe[Odd](docs)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	docs = reflection.Docs{
		"reflection_test.Pair": "A pair.", "reflection_test.Pair.First": "one", "reflection_test.Inner.Name": "a name",
		"reflection_test.outer.Name": "none",
	}
	want = `{"description":"A pair.","type":"object","properties":{"First":{"description":"one","type":"boolean"},"Second":{"type":"boolean"}},` +
		`"x-go-type":"reflection_test.Pair[bool,bool]"}`
	if got := def(describe[Pair[bool, bool]](docs)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	type outer struct{ *Inner } // whose fields others declare
	if got := def(describe[outer](docs)); !strings.Contains(got, `"Name":{"description":"a name","type":"string"}`) {
		t.Errorf("%s", got)
	}
}
