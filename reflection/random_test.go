// SPDX-License-Identifier: Apache-2.0

package reflection_test

import (
	"encoding/json"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/codec/msgpack"
	"github.com/rpcx-go/rpcx/reflection"
)

// randomStruct returns a struct whose fields shadow each other by name, by tag, and from
// within structs that it embeds.
func randomStruct(r *rand.Rand, depth int) reflect.Type {
	var fields []reflect.StructField
	for _, name := range []string{"A", "B", "C", "D"} {
		f := reflect.StructField{Name: name, Type: reflect.TypeFor[int]()}
		switch pick := r.IntN(8); {
		case pick < 2:
			continue
		case pick < 5 && depth > 0:
			f.Type, f.Anonymous = randomStruct(r, depth-1), pick < 4
		}
		tags := []string{"", "", "", `json:"A"`, `json:"b"`, `json:"-"`, `json:"-,"`, `json:"a\"b"`, `json:",string"`, `msgpack:"A"`, `msgpack:"-"`, `msgpack:",noinline"`, `msgpack:",inline" json:"x"`}
		f.Tag = reflect.StructTag(tags[r.IntN(len(tags))])
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

// The fields of a description are those that the encoders write, whatever the struct.
func TestRandomStructs(t *testing.T) {
	defer log.SetOutput(log.Writer())
	log.SetOutput(io.Discard) // where the encoder of MessagePack says which names come twice
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		typ := randomStruct(r, 3)
		infos := []rpcx.ServiceInfo{{Name: "S", Methods: []rpcx.MethodInfo{{Name: "M", Args: typ, Reply: typ}}}}
		s := reflection.Describe(infos, nil).Services[0]
		value := reflect.New(typ).Interface()
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := keysOfSchema(t, s.Methods[0].Args), keysOf(t, text); !slices.Equal(got, want) {
			t.Fatalf("%s\nthe schema has %v, JSON %v", typ, got, want)
		}
		packed, err := msgpack.Codec{}.Append(nil, value)
		if err != nil {
			t.Fatal(err)
		}
		var decoded any
		if err := (msgpack.Codec{}).Unmarshal(packed, &decoded); err != nil {
			t.Fatal(err)
		}
		if checkMsgpack(t, &s, typ.String(), s.Methods[0].Args, decoded); t.Failed() {
			return
		}
	}
}

// keysOf returns the members of an object, those within it with what is around before
// them.
func keysOf(t *testing.T, text []byte) []string {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for name, value := range object {
		keys = append(keys, name)
		if strings.HasPrefix(string(value), "{") {
			for _, inner := range keysOf(t, value) {
				keys = append(keys, name+"."+inner)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// keysOfSchema returns the same of a schema.
func keysOfSchema(t *testing.T, text []byte) []string {
	t.Helper()
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	keys := slices.Collect(maps.Keys(schema.Properties))
	for name, value := range schema.Properties {
		for _, inner := range keysOfSchema(t, value) {
			keys = append(keys, name+"."+inner)
		}
	}
	slices.Sort(keys)
	return keys
}

// A name that is too long is cut, and two that begin alike are still told apart.
func TestLongNames(t *testing.T) {
	t.Parallel()
	type veryLongNameOfATypeToFillTheNameOfADefinitionWithWhatItIsCalledInTheSourceOfTheProgramThatUsesIt[T any] struct{ V T }
	one := describe[veryLongNameOfATypeToFillTheNameOfADefinitionWithWhatItIsCalledInTheSourceOfTheProgramThatUsesIt[Pair[int, Inner]]](nil)
	other := describe[veryLongNameOfATypeToFillTheNameOfADefinitionWithWhatItIsCalledInTheSourceOfTheProgramThatUsesIt[Pair[int, Tree]]](nil)
	for name := range one.Defs {
		if len(name) > 120 || strings.HasPrefix(name, "reflection_test.very") && other.Defs[name] != nil {
			t.Errorf("%d bytes: %s", len(name), name)
		}
	}
}
