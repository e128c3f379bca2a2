// SPDX-License-Identifier: Apache-2.0

package reflection_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/codec/msgpack"
	"github.com/rpcx-go/rpcx/reflection"
)

// describe describes a service with one method that takes and returns a T.
func describe[T any](docs reflection.Docs) reflection.Service {
	t := reflect.TypeFor[T]()
	return reflection.Describe([]rpcx.ServiceInfo{{Name: "S", Methods: []rpcx.MethodInfo{{Name: "M", Args: t, Reply: t}}}}, docs).Services[0]
}

// def returns the definition of a type, or its schema if it has no name.
func def(s reflection.Service) string {
	var ref struct {
		Ref string `json:"$ref"`
	}
	if err := json.Unmarshal(s.Methods[0].Args, &ref); err == nil && ref.Ref != "" {
		return string(s.Defs[strings.TrimPrefix(ref.Ref, "#/$defs/")])
	}
	return string(s.Methods[0].Args)
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	type renamed struct {
		UserName string `json:"user_name"`
		Age      int    `json:"age,omitempty" msgpack:"a"`
	}
	type conflict struct {
		Base
		ID2      string `json:"id"`
		Shadowed bool
	}
	type ambiguous struct {
		Base
		Pair[int, int]
		B struct{ Base }
	}
	type unencodable struct {
		F func()
		C complex128
	}
	type generated struct {
		state int   //nolint:unused // as in generated code
		A     int32 `protobuf:"zigzag32,3,opt,name=a_b,json=aB,proto3" json:"a_b,omitempty"`
		B     int32 `thrift:"b,7,required" json:"b"`
		C     error `protobuf_oneof:"kind"`
	}
	type colored struct {
		Color
		N bool
	}
	tests := map[string]struct{ got, want string }{
		"bool":       {def(describe[bool](nil)), `{"type":"boolean"}`},
		"string":     {def(describe[string](nil)), `{"type":"string"}`},
		"bytes":      {def(describe[[]byte](nil)), `{"type":["string","null"],"contentEncoding":"base64","x-msgpack-type":"bin"}`},
		"byte array": {def(describe[[2]byte](nil)), `{"type":"array","minItems":2,"maxItems":2,"items":{"type":"integer","format":"uint8","minimum":0,"maximum":255},"x-msgpack-type":"bin"}`},
		"any":        {def(describe[any](nil)), `{}`},
		"pointers":   {def(describe[**int](nil)), `{"type":["integer","null"],"format":"int64"}`},
		"pointer to a named one": {
			def(describe[*Inner](nil)), `{"anyOf":[{"$ref":"#/$defs/reflection_test.Inner"},{"type":"null"}]}`,
		},
		"integers as keys": {def(describe[map[uint8]bool](nil)), `{"type":["object","null"],"propertyNames":{"pattern":"^-?[0-9]+$","x-msgpack-type":"integer"},"additionalProperties":{"type":"boolean"}}`},
		"keys JSON lacks":  {def(describe[map[float64]bool](nil)), `{"description":"JSON has no such keys: float64","type":["object","null"],"additionalProperties":{"type":"boolean"},"not":{"type":"object"}}`},
		"time":             {def(describe[time.Time](nil)), `{"type":"string","format":"date-time","x-go-type":"time.Time","x-msgpack-type":"timestamp"}`},
		"names in codecs": {
			def(describe[renamed](nil)), `{"type":"object","properties":{"user_name":{"type":"string","x-msgpack-name":"UserName"},` +
				`"age":{"type":"integer","format":"int64","x-omitempty":true,"x-msgpack-name":"a"}},"x-go-type":"reflection_test.renamed"}`,
		},
		"nearest field wins": {
			def(describe[conflict](nil)), `{"type":"object","properties":{"id":{"type":"string"},"Shadowed":{"type":"boolean"}},"x-go-type":"reflection_test.conflict",` +
				`"x-msgpack-properties":{"ID":{"type":"integer","format":"int64"},"ID2":{"type":"string"},"Shadowed":{"type":"boolean"}}}`,
		},
		"depth counts": {
			def(describe[ambiguous](nil)), `{"type":"object","properties":{"id":{"type":"integer","format":"int64","x-msgpack-name":"ID"},"Shadowed":{"type":"string"},` +
				`"First":{"type":"integer","format":"int64"},"Second":{"type":"integer","format":"int64"},` +
				`"B":{"type":"object","properties":{"id":{"type":"integer","format":"int64","x-msgpack-name":"ID"},"Shadowed":{"type":"string"}}}},"x-go-type":"reflection_test.ambiguous"}`,
		},
		"recursion": {
			def(describe[List](nil)), `{"type":["array","null"],"items":{"$ref":"#/$defs/reflection_test.List"},"x-go-type":"reflection_test.List"}`,
		},
		"an array in MessagePack": {
			def(describe[Array](nil)), `{"type":"object","properties":{"X":{"type":"integer","format":"int64"},"why":{"type":"string"}},"x-go-type":"reflection_test.Array",` +
				`"x-msgpack-type":"array","x-msgpack-properties":{"X":{"type":"integer","format":"int64"},"Y":{"type":"string"}}}`,
		},
		"describes itself": {def(describe[Color](nil)), `{"type":"string","enum":["red","green"]}`},
		"one within describes itself": {
			def(describe[struct {
				Color
				N bool
			}](nil)), `{"type":"object","properties":{"Color":{"$ref":"#/$defs/reflection_test.Color"},"N":{"type":"boolean"}}}`,
		},
		"one within is it": {def(describe[colored](nil)), `{"type":"object","properties":{"Color":{"$ref":"#/$defs/reflection_test.Color"},"N":{"type":"boolean"}},"x-go-type":"reflection_test.colored"}`},
		"own JSON":         {def(describe[Odd](nil)), `{"description":"as the method MarshalJSON of reflection_test.Odd writes it","x-go-type":"reflection_test.Odd"}`},
		"text":             {def(describe[Level](nil)), `{"description":"as the method MarshalText of reflection_test.Level writes it","type":"string","x-go-type":"reflection_test.Level","x-msgpack-type":"bin"}`},
		"unencodable": {
			def(describe[unencodable](nil)), `{"type":"object","properties":{"F":{"description":"a func of Go, which cannot be encoded","not":{}},` +
				`"C":{"description":"a complex128 of Go, which cannot be encoded","not":{}}},"x-go-type":"reflection_test.unencodable"}`,
		},
		"tags of generated code": {
			def(describe[generated](nil)), `{"type":"object","properties":{"a_b":{"type":"integer","format":"int32","minimum":-2147483648,"maximum":2147483647,"x-omitempty":true,` +
				`"x-msgpack-name":"A","x-protobuf-number":3,"x-protobuf-type":"zigzag32","x-protobuf-json-name":"aB"},` +
				`"b":{"type":"integer","format":"int32","minimum":-2147483648,"maximum":2147483647,"x-msgpack-name":"B","x-thrift-id":"7"},` +
				`"C":{"description":"whatever has the methods of error; it cannot be sent as JSON","readOnly":true,"x-protobuf-oneof":"kind"}},"x-go-type":"reflection_test.generated"}`,
		},
	}
	for name, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", name, tt.got, tt.want)
		}
	}
}

// Two types of one name must not become one.
func TestNamesakes(t *testing.T) {
	t.Parallel()
	type first struct{ A int }
	one := reflect.TypeFor[first]()
	other := func() reflect.Type {
		type first struct{ B string }
		return reflect.TypeFor[first]()
	}()
	infos := []rpcx.ServiceInfo{{Name: "S", Methods: []rpcx.MethodInfo{{Name: "M", Args: one, Reply: other}}}}
	s := reflection.Describe(infos, nil).Services[0]
	if string(s.Methods[0].Args) == string(s.Methods[0].Reply) || len(s.Defs) != 2 {
		t.Errorf("%s and %s, %d definitions", s.Methods[0].Args, s.Methods[0].Reply, len(s.Defs))
	}
}

func TestSchemaOfItsOwn(t *testing.T) {
	t.Parallel()
	s := describe[Tree](nil)
	var document map[string]json.RawMessage
	if err := json.Unmarshal(s.Schema(s.Methods[0].Args), &document); err != nil {
		t.Fatal(err)
	}
	if string(document["allOf"]) != `[{"$ref":"#/$defs/reflection_test.Tree"}]` || document["$defs"] == nil || document["$schema"] == nil {
		t.Errorf("%s", document)
	}
	if got := s.Schema(json.RawMessage("{")); string(got) != "false" {
		t.Errorf("of no schema: %s", got)
	}
}

// TestMsgpack encodes a value and looks for what the schema says about MessagePack in it.
func TestMsgpack(t *testing.T) {
	t.Parallel()
	value := Everything{Inner: &Inner{}, PIn: &Inner{Name: "n"}, Raw: []byte{1}, Strs: []string{"s"}, T: time.Unix(1, 0), Tree: &Tree{Kids: []*Tree{{}}}}
	data, err := msgpack.Codec{}.Append(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	var decoded any
	if err := (msgpack.Codec{}).Unmarshal(data, &decoded); err != nil {
		t.Fatal(err)
	}
	s := describe[Everything](nil)
	checkMsgpack(t, &s, "Everything", s.Methods[0].Args, decoded)
}

// checkMsgpack holds a value that came as MessagePack against a schema.
func checkMsgpack(t *testing.T, s *reflection.Service, at string, text json.RawMessage, value any) {
	t.Helper()
	var node struct {
		Ref        string                     `json:"$ref"`
		AnyOf      []json.RawMessage          `json:"anyOf"`
		Kind       string                     `json:"x-msgpack-type"`
		Type       any                        `json:"type"`
		Items      json.RawMessage            `json:"items"`
		Properties map[string]json.RawMessage `json:"properties"`
		Others     map[string]json.RawMessage `json:"x-msgpack-properties"`
	}
	if err := json.Unmarshal(text, &node); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	switch {
	case node.Ref != "":
		checkMsgpack(t, s, at, s.Defs[strings.TrimPrefix(node.Ref, "#/$defs/")], value)
		return
	case len(node.AnyOf) > 0 && value != nil:
		checkMsgpack(t, s, at, node.AnyOf[0], value)
		return
	}
	want := map[string]string{"bin": "[]uint8", "timestamp": "time.Time", "str": "string", "array": "[]interface {}"}[node.Kind]
	if got := reflect.TypeOf(value); want != "" && value != nil && got.String() != want {
		t.Errorf("%s: MessagePack has a %s, the schema says %s", at, got, node.Kind)
	}
	if fields, ok := value.(map[string]any); ok && node.Type == "object" {
		properties := node.Others
		if properties == nil {
			properties = make(map[string]json.RawMessage)
			for name, text := range node.Properties {
				var other struct {
					Name string `json:"x-msgpack-name"`
				}
				if err := json.Unmarshal(text, &other); err != nil {
					t.Fatal(err)
				}
				if other.Name != "" {
					name = other.Name
				}
				properties[name] = text
			}
		}
		for name, text := range properties {
			field, ok := fields[name]
			if !ok {
				t.Errorf("%s: the schema says %s, MessagePack has only %v", at, name, fields)
			}
			checkMsgpack(t, s, at+"."+name, text, field)
		}
		if len(fields) != len(properties) {
			t.Errorf("%s: %d members in MessagePack, %d in the schema", at, len(fields), len(properties))
		}
	}
	if elements, ok := value.([]any); ok && node.Items != nil {
		for _, e := range elements {
			checkMsgpack(t, s, at+"[]", node.Items, e)
		}
	}
}

func TestCodecs(t *testing.T) {
	t.Parallel()
	if got := describe[[]byte](nil).Methods[0].Codecs; !reflect.DeepEqual(got, []string{"json", "msgpack", "raw"}) {
		t.Errorf("bytes: %v", got)
	}
	if got := describe[rpcx.Metadata](nil).Methods[0].Codecs; !reflect.DeepEqual(got, []string{"json", "msgpack"}) {
		t.Errorf("a struct: %v", got)
	}
	if got := describe[reflection.Description](nil).Methods[0].Codecs; !reflect.DeepEqual(got, []string{"json", "msgpack", "protobuf"}) {
		t.Errorf("a description: %v", got)
	}
}
