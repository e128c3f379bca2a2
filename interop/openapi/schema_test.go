// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand" //nolint:depguard // which testing/quick wants
	"reflect"
	"testing"
	"testing/quick"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/codec"
	rpcxjson "github.com/rpcx-go/rpcx/codec/json"
	"github.com/rpcx-go/rpcx/reflection"
)

// randV1 is what quick.Generator wants.
type randV1 = rand.Rand

// schemaOf returns the compiled schema of a type.
func schemaOf(t *testing.T, typ reflect.Type) *jsonschema.Schema {
	t.Helper()
	s := reflection.Describe([]rpcx.ServiceInfo{{Name: "S", Methods: []rpcx.MethodInfo{{Name: "M", Args: typ, Reply: typ}}}}, nil).Services[0]
	text := s.Schema(s.Methods[0].Args)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler() // which holds the schema against that of JSON Schema
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("mem:///s.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("mem:///s.json")
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return schema
}

// check holds what the codec makes of a value against a schema.
func check(schema *jsonschema.Schema, v any) error {
	text, err := codec.Codec(rpcxjson.Codec{}).Append(nil, v)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%w\nof %s", err, text)
	}
	return nil
}

// Whatever values types have, their JSON fits their schemas.
func TestRandomValues(t *testing.T) {
	t.Parallel()
	for _, typ := range []reflect.Type{
		reflect.TypeFor[Inner](), reflect.TypeFor[Numbers](), reflect.TypeFor[Quoted](), reflect.TypeFor[Bytes](),
		reflect.TypeFor[Maps](), reflect.TypeFor[Embeds](), reflect.TypeFor[Skips](), reflect.TypeFor[Color](), reflect.TypeFor[Odd](),
		reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[map[string][]*int](), reflect.TypeFor[**bool](),
		reflect.TypeFor[[3][2]uint8](), reflect.TypeFor[struct{}](), reflect.TypeFor[Pointed](), reflect.TypeFor[Level](),
	} {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			schema := schemaOf(t, typ)
			random := rand.New(rand.NewSource(1))
			if err := check(schema, reflect.New(typ).Interface()); err != nil && typ != reflect.TypeFor[Color]() {
				t.Errorf("zero: %v", err)
			}
			for range 100 {
				v, ok := quick.Value(typ, random)
				if !ok {
					t.Fatal("no value can be made")
				}
				p := reflect.New(typ) // for values that are sent have an address
				p.Elem().Set(v)
				if err := check(schema, p.Interface()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// The same for values that chance does not make.
func TestValues(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 1, 2, 3, 4, time.FixedZone("", 3600))
	tree := Tree{Name: "a", Kids: []*Tree{nil, {Kids: []*Tree{}}}, ByID: map[int64]Tree{-1: {}}, Next: &Tree{}}
	c := custom()
	label := descriptorpb.FieldDescriptorProto_LABEL_REPEATED
	for _, v := range []any{
		&tree, &c, &Times{}, &Times{now, &now, time.Hour, now, []time.Duration{1}}, now, &now, time.Second,
		&timestamppb.Timestamp{Seconds: 1, Nanos: 2}, new(timestamppb.Timestamp), structpb.NullValue_NULL_VALUE,
		&descriptorpb.FieldDescriptorProto{Label: &label, Options: &descriptorpb.FieldOptions{}}, new(descriptorpb.FileDescriptorProto),
		json.RawMessage("[1]"), json.Number("12"),
		[]any{1, nil},
		map[string]any{"a": 1},
	} {
		typ := reflect.TypeOf(v)
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if err := check(schemaOf(t, typ), v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// A schema refuses what is wrong.
func TestWrongValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		typ  reflect.Type
		text string
	}{
		"number for text":          {reflect.TypeFor[Inner](), `{"Name":1}`},
		"text for an object":       {reflect.TypeFor[Inner](), `"x"`},
		"over uint8":               {reflect.TypeFor[Numbers](), `{"U8":256}`},
		"below uint64":             {reflect.TypeFor[Numbers](), `{"U64":-1}`},
		"half an int":              {reflect.TypeFor[Numbers](), `{"I":0.5}`},
		"null for a number":        {reflect.TypeFor[Numbers](), `{"I":null}`},
		"number for a quoted one":  {reflect.TypeFor[Quoted](), `{"I":1}`},
		"bytes that are no base64": {reflect.TypeFor[Bytes](), `{"Raw":"%"}`},
		"three of four bytes":      {reflect.TypeFor[Bytes](), `{"Sum":[1,2,3]}`},
		"key that is no number":    {reflect.TypeFor[Maps](), `{"ByInt":{"x":[]}}`},
		"deep within":              {reflect.TypeFor[Maps](), `{"Deep":{"a":{"b":[{"c":1}]}}}`},
		"in a recursion":           {reflect.TypeFor[Tree](), `{"kids":[{"kids":[{"name":1}]}]}`},
		"time":                     {reflect.TypeFor[Times](), `{"T":"yesterday"}`},
		"none of the colors":       {reflect.TypeFor[Color](), `"blue"`},
		"function":                 {reflect.TypeFor[struct{ F func() }](), `{"F":1}`},
	}
	for name, tt := range tests {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(tt.text)))
		if err != nil {
			t.Fatal(err)
		}
		if schemaOf(t, tt.typ).Validate(value) == nil {
			t.Errorf("%s: %s fits", name, tt.text)
		}
	}
}
