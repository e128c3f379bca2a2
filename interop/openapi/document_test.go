// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi/datamodel"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

// echo returns what it gets.
func echo[T any](_ context.Context, args, reply *T) error {
	*reply = *args
	return nil
}

func fail(_ context.Context, args *Inner, _ *Inner) error {
	return rpcx.Errorf(rpcx.ResourceExhausted, "no %s", args.Name).WithDetail("name", args.Name)
}

// serve serves services of every kind, and describes them.
func serve(t *testing.T, c openapi.Config) *httptest.Server {
	t.Helper()
	s := server.NewServer()
	err := errors.Join(
		server.Handle(s, "Echo", "Inner", echo[Inner]), server.Handle(s, "Echo", "Numbers", echo[Numbers]),
		server.Handle(s, "Echo", "Tree", echo[Tree]), server.Handle(s, "Echo", "Maps", echo[Maps]), server.Handle(s, "Echo", "Embeds", echo[Embeds]),
		server.Handle(s, "Echo", "Bytes", echo[Bytes]), server.Handle(s, "Echo", "Times", echo[Times]), server.Handle(s, "Echo", "Custom", echo[Custom]),
		server.Handle(s, "Echo", "Quoted", echo[Quoted]), server.Handle(s, "Echo", "Any", echo[any]), server.Handle(s, "Echo", "Text", echo[string]),
		server.Handle(s, "Proto", "File", echo[descriptorpb.FileDescriptorProto]), //nolint:govet // only its type is used
		server.Handle(s, "Fail", "Always", fail),
		server.Handle(s, `com/{example}/"<b>"`, `#?%{}<i>'`, echo[Inner]),
		s.HandleRaw("Raw", "Bytes", func(_ context.Context, in, out *protocol.Message) error { out.Payload = in.Payload; return nil }),
		reflection.Register(s, os.DirFS(".")),
		openapi.Mount(s, "/docs/", c),
	)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.HTTPHandler())
	t.Cleanup(func() {
		web.Close()
		s.Close()
	})
	return web
}

// document is an OpenAPI document whose schemas can be used.
type document struct {
	compiler *jsonschema.Compiler
	paths    map[string]any
}

const at = "mem:///openapi.json"

// fetch fetches the document and holds it against the schema of OpenAPI 3.1.
func fetch(t *testing.T, web *httptest.Server) document {
	t.Helper()
	res, err := web.Client().Get(web.URL + "/docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	text, err := jsonschema.UnmarshalJSON(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := jsonschema.UnmarshalJSON(strings.NewReader(datamodel.OpenAPI31SchemaData))
	if err != nil {
		t.Fatal(err)
	}
	d := document{compiler: jsonschema.NewCompiler()}
	d.compiler.AssertFormat()
	d.compiler.AssertContent()
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	if err := errors.Join(d.compiler.AddResource("mem:///rules.json", rules), d.compiler.AddResource(at, text)); err != nil {
		t.Fatal(err)
	}
	schema, err := d.compiler.Compile("mem:///rules.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(text); err != nil {
		t.Errorf("it is not OpenAPI 3.1: %v", err)
	}
	whole, _ := text.(map[string]any)
	d.paths, _ = whole["paths"].(map[string]any)
	return d
}

// schema returns a schema of the document, by its path in it.
func (d *document) schema(t *testing.T, path ...string) *jsonschema.Schema {
	t.Helper()
	for i, part := range path {
		path[i] = url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
	}
	schema, err := d.compiler.Compile(at + "#/" + strings.Join(path, "/"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// fits holds JSON against a schema.
func fits(schema *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// The document is OpenAPI 3.1, whatever it describes.
func TestDocument(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]openapi.Config{
		"plain": {}, "everything": {Title: "T", Description: "*D*", Version: "2", Servers: []string{"/api", "https://x.example"}, Token: true, Builtin: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := fetch(t, serve(t, c)); len(d.paths) < 15 {
				t.Errorf("%d paths", len(d.paths))
			}
		})
	}
}

// What goes back and forth is what the document says.
func TestExchanges(t *testing.T) {
	t.Parallel()
	web := serve(t, openapi.Config{})
	d := fetch(t, web)
	tests := map[string]struct {
		path, body string
		status     int
	}{
		"struct":        {"/Echo/Inner", `{"Name":"x","score":1.5}`, 200},
		"nothing":       {"/Echo/Inner", `{}`, 200},
		"numbers":       {"/Echo/Numbers", `{"I8":-128,"U64":18446744073709551615,"P":7}`, 200},
		"tree":          {"/Echo/Tree", `{"kids":[{"kids":[null]}],"by_id":{"1":{}}}`, 200},
		"maps":          {"/Echo/Maps", `{"ByLevel":{},"ByInt":{"-1":[{}]},"Deep":{"a":null}}`, 200},
		"embedded":      {"/Echo/Embeds", `{"id":1,"Name":"n","P":{"Second":{"Second":[{}]}}}`, 200},
		"bytes":         {"/Echo/Bytes", `{"Raw":"AAEC","Sum":[1,2,3,4],"Lists":[null,""]}`, 200},
		"times":         {"/Echo/Times", `{"T":"2026-11-22T01:02:03.000000004+01:00","D":1}`, 200},
		"quoted":        {"/Echo/Quoted", `{"I":"1","b":"true","f":"1e3","s":"\"x\""}`, 200},
		"any":           {"/Echo/Any", `[1,{"a":null}]`, 200},
		"text":          {"/Echo/Text", `"x"`, 200},
		"proto":         {"/Proto/File", `{"name":"a.proto","message_type":[{"field":[{"label":1,"type":9}]}]}`, 200},
		"raw":           {"/Raw/Bytes", `[1]`, 200},
		"error":         {"/Fail/Always", `{"Name":"x"}`, 429},
		"odd names":     {"/com/%7Bexample%7D/%22%3Cb%3E%22/%23%3F%25%7B%7D%3Ci%3E%27", `{"Name":"x"}`, 200},
		"wrong body":    {"/Echo/Inner", `{"Name":1}`, 400},
		"no JSON":       {"/Echo/Inner", `{`, 400},
		"over an int8":  {"/Echo/Numbers", `{"I8":128}`, 400},
		"not in base64": {"/Echo/Bytes", `{"Raw":"%"}`, 400},
	}
	for name, tt := range tests {
		if d.paths[tt.path] == nil {
			t.Errorf("%s: the document has no path %s", name, tt.path)
			continue
		}
		err := fits(d.schema(t, "paths", tt.path, "post", "requestBody", "content", "application/json", "schema"), []byte(tt.body))
		if wants := tt.status != 400; (err == nil) != wants {
			t.Errorf("%s: the request: %v", name, err)
		}
		res, err := web.Client().Post(web.URL+tt.path, "application/json", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != tt.status {
			t.Errorf("%s: %d %s, %v", name, res.StatusCode, body, err)
		}
		reply, media := d.schema(t, "components", "schemas", "Problem"), "application/problem+json"
		if res.StatusCode == http.StatusOK {
			media = "application/json"
			reply = d.schema(t, "paths", tt.path, "post", "responses", "200", "content", media, "schema")
		}
		if err := fits(reply, body); err != nil || res.Header.Get("Content-Type") != media {
			t.Errorf("%s: the response, %s: %v", name, res.Header.Get("Content-Type"), err)
		}
	}
}
