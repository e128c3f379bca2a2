// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/reflection"
)

// raw is JSON, as tests write it.
type raw = json.RawMessage

// arith is a service with a type.
func arith(name, def string) reflection.Service {
	return reflection.Service{
		Name: name, Doc: "Sums.\nAnd more.",
		Methods: []reflection.Method{{Name: "Mul", Doc: "Mul multiplies.\n\nSlowly.", Args: raw(`{"$ref": "#/$defs/a.Args"}`), Reply: raw(`{"type":"integer"}`), Codecs: []string{"json"}}},
		Defs:    map[string]raw{"a.Args": raw(def)},
	}
}

// documentOf returns the document of services, read again.
func documentOf(t *testing.T, c openapi.Config, services ...reflection.Service) (d struct {
	OpenAPI    string                                `json:"openapi"`
	Info       map[string]string                     `json:"info"`
	Servers    []map[string]string                   `json:"servers"`
	Tags       []map[string]string                   `json:"tags"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components map[string]map[string]json.RawMessage `json:"components"`
	Security   []map[string][]string                 `json:"security"`
},
) {
	t.Helper()
	text, err := openapi.Document(services, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDocument(t *testing.T) {
	t.Parallel()
	const def = `{"type":"object"}`
	d := documentOf(t, openapi.Config{Title: "T", Version: "2", Description: "D", Servers: []string{"/api", "https://x"}, Token: true}, arith("Arith", def))
	if d.OpenAPI != "3.1.0" || d.Info["title"] != "T" || d.Info["version"] != "2" || d.Info["description"] != "D" {
		t.Errorf("%s, %v", d.OpenAPI, d.Info)
	}
	if !reflect.DeepEqual(d.Servers, []map[string]string{{"url": "/api"}, {"url": "https://x"}}) || d.Tags[0]["description"] != "Sums.\nAnd more." {
		t.Errorf("%v, %v", d.Servers, d.Tags)
	}
	if d.Security[0]["token"] == nil || !strings.Contains(string(d.Components["securitySchemes"]["token"]), `"bearer"`) {
		t.Errorf("%v %s", d.Security, d.Components["securitySchemes"])
	}
	const want = `{"tags":["Arith"],"summary":"Mul multiplies.","description":"Mul multiplies.\n\nSlowly.","operationId":"Arith.Mul",` +
		`"parameters":[{"$ref":"#/components/parameters/Timeout"},{"$ref":"#/components/parameters/Metadata"}],` +
		`"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/a.Args"}}}},` +
		`"responses":{"200":{"description":"The reply.","headers":{"X-RPCX-Meta":{"$ref":"#/components/headers/Metadata"}},` +
		`"content":{"application/json":{"schema":{"type":"integer"}}}},"default":{"$ref":"#/components/responses/Problem"}},` +
		`"x-rpcx-service":"Arith","x-rpcx-method":"Mul","x-rpcx-codecs":["json"]}`
	if got := string(d.Paths["/Arith/Mul"]["post"]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(d.Components["schemas"]["a.Args"]); got != def {
		t.Errorf("%s", got)
	}
	d = documentOf(t, openapi.Config{})
	if d.Info["title"] != "Services" || d.Info["version"] != "1" || len(d.Paths) != 0 || d.Servers[0]["url"] != "/" || d.Security != nil {
		t.Errorf("without anything: %+v", d)
	}
}

// Types that are the same are one, others of the same name are told apart with all that
// refers to them.
func TestNamesakes(t *testing.T) {
	t.Parallel()
	const tree = `{"items":{"$ref":"#/$defs/a.Args"}}`
	d := documentOf(t, openapi.Config{}, arith("One", tree), arith("Same", tree), arith("Other", `{"type":"string"}`),
		reflection.Service{Name: "Evil", Defs: map[string]raw{"Problem": raw(`{}`), "a b": raw(`{}`), "list": raw(`[1]`)}})
	schemas := d.Components["schemas"]
	for name, want := range map[string]string{
		"a.Args":       `{"items":{"$ref":"#/components/schemas/a.Args"}}`,
		"a.Args-Other": `{"type":"string"}`,
		"Problem-Evil": `{}`,
		"list-Evil":    `{}`,
	} {
		if got := string(schemas[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if len(schemas) != 5 { // with Problem
		t.Errorf("%d schemas: %s", len(schemas), schemas)
	}
	for path, ref := range map[string]string{"/One/Mul": "a.Args", "/Same/Mul": "a.Args", "/Other/Mul": "a.Args-Other"} {
		if got := string(d.Paths[path]["post"]); !strings.Contains(got, `"$ref":"#/components/schemas/`+ref+`"`) {
			t.Errorf("%s refers not to %s: %s", path, ref, got)
		}
	}
}

// A reference is one only where it stands as such, and a name is but a name.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	s := arith(`a/{b}/<"ü>`, `{"description":"\"$ref\":\"#/$defs/a.Args\"","const":"$ref"}`)
	s.Methods[0].Name = "M{}?#%"
	for _, name := range []string{"", ".", "..", "a/b", "/"} {
		s.Methods = append(s.Methods, reflection.Method{Name: name})
	}
	others := []reflection.Service{s}
	for _, name := range []string{"", ".", "..", "/a", "a/", "a//b", "a/../b"} {
		others = append(others, arith(name, "{}"))
	}
	d := documentOf(t, openapi.Config{}, others...)
	if len(d.Paths) != 1 {
		t.Errorf("%d paths: %v", len(d.Paths), d.Paths)
	}
	if op := string(d.Paths["/a/%7Bb%7D/%3C%22%C3%BC%3E/M%7B%7D%3F%23%25"]["post"]); op == "" {
		t.Errorf("paths: %v", d.Paths)
	}
	if got := string(d.Components["schemas"]["a.Args"]); got != `{"description":"\"$ref\":\"#/$defs/a.Args\"","const":"$ref"}` {
		t.Errorf("%s", got)
	}
}

// Two ways to say one thing do not share an id.
func TestOperationIDs(t *testing.T) {
	t.Parallel()
	one, other := arith("a.b", "{}"), arith("a", "{}")
	one.Methods[0].Name, other.Methods[0].Name = "c", "b.c"
	d := documentOf(t, openapi.Config{}, one, other)
	for path, want := range map[string]string{"/a.b/c": `"operationId":"a.b.c"`, "/a/b.c": `"operationId":"a.b.c-2"`} {
		if got := string(d.Paths[path]["post"]); !strings.Contains(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestBuiltin(t *testing.T) {
	t.Parallel()
	s := arith("Reflection", "{}")
	s.Builtin = true
	if d := documentOf(t, openapi.Config{}, s); len(d.Paths) != 0 || len(d.Tags) != 0 {
		t.Errorf("%v", d.Paths)
	}
	if d := documentOf(t, openapi.Config{Builtin: true}, s); len(d.Paths) != 1 {
		t.Errorf("%v", d.Paths)
	}
}

// A handler of frames says nothing of its types.
func TestRaw(t *testing.T) {
	t.Parallel()
	d := documentOf(t, openapi.Config{}, reflection.Service{Name: "S", Methods: []reflection.Method{{Name: "M", Raw: true}}})
	if got := string(d.Paths["/S/M"]["post"]); !strings.Contains(got, `"schema":{}`) || !strings.Contains(got, "handler of frames") {
		t.Errorf("%s", got)
	}
}

// Every code of an error is one that the document knows.
func TestCodes(t *testing.T) {
	t.Parallel()
	var problem struct {
		Properties struct {
			Code struct {
				Enum []string `json:"enum"`
			} `json:"code"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(documentOf(t, openapi.Config{}).Components["schemas"]["Problem"], &problem); err != nil {
		t.Fatal(err)
	}
	known := problem.Properties.Code.Enum
	for code := rpcx.Canceled; code <= rpcx.Unauthenticated; code++ {
		if i := int(code) - 1; i >= len(known) || known[i] != strings.ReplaceAll(code.String(), " ", "_") {
			t.Errorf("code %d is %q, the document has %q", code, code, known)
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add("Arith", "Mul", "a.Args", `{"$ref":"#/$defs/a.Args"}`, "doc")
	f.Add("a/{b}", `"<`, "a b", `[`, "\xff")
	f.Fuzz(func(t *testing.T, service, method, name, schema, doc string) {
		s := reflection.Service{
			Name: service, Doc: doc, Methods: []reflection.Method{{Name: method, Doc: doc, Args: raw(schema)}},
			Defs: map[string]raw{name: raw(schema)},
		}
		text, err := openapi.Document([]reflection.Service{s, arith(service+"x", schema)}, openapi.Config{Title: doc, Servers: []string{doc}})
		if err != nil || !json.Valid(text) {
			t.Errorf("%v: %s", err, text)
		}
	})
}
