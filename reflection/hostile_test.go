// SPDX-License-Identifier: Apache-2.0

package reflection_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/reflection"
)

// Selfish embeds itself.
type Selfish struct {
	*Selfish
	N int
}

// Knot and Loop refer to each other in every way.
type (
	Knot struct {
		Loop  *Loop
		Loops map[string][]*Loop
	}
	Loop struct {
		*Knot
		Back [2]*Knot
		Fn   func(Knot) Loop
	}
	Pointer *Pointer
	Maps    map[string]Maps
)

// Panics fails to describe itself.
type Panics struct{}

func (Panics) JSONSchema() []byte { panic("no") }

// Lies describes itself in what is no JSON.
type Lies struct{}

func (Lies) JSONSchema() []byte { return []byte(`{"type":`) }

// Huge does not fit into memory.
type Huge [1 << 46]byte

// deep returns a slice of slices of slices.
func deep(n int) reflect.Type {
	t := reflect.TypeFor[int]()
	for range n {
		t = reflect.SliceOf(t)
	}
	return t
}

// wide returns a struct that holds structs.
func wide(fields, levels int) reflect.Type {
	t := reflect.TypeFor[int]()
	for range levels {
		all := make([]reflect.StructField, fields)
		for i := range all {
			all[i] = reflect.StructField{Name: fmt.Sprint("F", i), Type: t, Tag: `json:"<b>\"'&"`}
		}
		t = reflect.StructOf(all)
	}
	return t
}

// Whatever the types are, a description ends, is JSON, and is not large.
func TestHostileTypes(t *testing.T) {
	t.Parallel()
	types := map[string]reflect.Type{
		"embeds itself":   reflect.TypeFor[Selfish](),
		"knot":            reflect.TypeFor[Knot](),
		"pointer":         reflect.TypeFor[Pointer](),
		"maps":            reflect.TypeFor[Maps](),
		"panics":          reflect.TypeFor[Panics](),
		"lies":            reflect.TypeFor[Lies](),
		"deep":            deep(1000),
		"wide":            wide(25, 3),
		"channels":        reflect.TypeFor[map[string]chan<- func(...any)](),
		"interface":       reflect.TypeFor[interface{ M(Knot) }](),
		"huge":            reflect.TypeFor[*Huge](),
		"nothing":         reflect.TypeFor[struct{}](),
		"empty and large": reflect.ArrayOf(1<<30, reflect.TypeFor[struct{}]()),
	}
	for name, typ := range types {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			infos := []rpcx.ServiceInfo{{Name: name, Methods: []rpcx.MethodInfo{{Name: `"<script>`, Args: typ, Reply: typ}}}}
			text, err := json.Marshal(reflection.Describe(infos, nil))
			if err != nil || len(text) > 8<<20 {
				t.Errorf("%d bytes, %v", len(text), err)
			}
			if strings.Contains(string(text), "<script>") {
				t.Error("a tag of HTML stands in the text as it is")
			}
		})
	}
}

// Many methods with many types share what a description may hold.
func TestManyMethods(t *testing.T) {
	t.Parallel()
	info := rpcx.ServiceInfo{Name: "S"}
	for i := range 3000 {
		typ := reflect.StructOf([]reflect.StructField{{Name: fmt.Sprint("F", i), Type: wide(20, 1)}})
		info.Methods = append(info.Methods, rpcx.MethodInfo{Name: fmt.Sprint("M", i), Args: typ, Reply: typ})
	}
	text, err := json.Marshal(reflection.Describe([]rpcx.ServiceInfo{info}, nil))
	if err != nil || len(text) > 12<<20 || !strings.Contains(string(text), `"M2999"`) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if !strings.Contains(string(text), "not described: there are too many types") {
		t.Error("it does not say that something is missing")
	}
}
