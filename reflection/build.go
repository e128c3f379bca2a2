// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// Bounds of what is made of types, which may be generated, without end, or absurd.
const (
	maxNodes   = 50_000 // schemas in a description
	maxNesting = 64     // of types without a name
	maxName    = 120    // bytes of the name of a definition
)

// builder makes the schemas of the types of a service.
type builder struct {
	docs  Docs
	left  *int // schemas that may still be made
	names map[reflect.Type]string
	defs  map[string]*schema
}

func newBuilder(docs Docs, left *int) *builder {
	return &builder{docs: docs, left: left, names: make(map[reflect.Type]string), defs: make(map[string]*schema)}
}

// texts returns the definitions.
func (b *builder) texts() map[string]json.RawMessage {
	texts := make(map[string]json.RawMessage, len(b.defs))
	for name, s := range b.defs {
		texts[name] = s.text()
	}
	return texts
}

// schema returns the schema of a type, a reference if it has a name.
func (b *builder) schema(t reflect.Type, depth int) *schema {
	if *b.left--; *b.left < 0 {
		return &schema{Description: "not described: there are too many types"}
	}
	if depth > maxNesting {
		return &schema{Description: "not described: nested too deep"}
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Format: "date-time", GoType: "time.Time", MsgpackType: "timestamp"}
	case t == reflect.TypeFor[time.Duration]():
		return &schema{Type: "integer", Format: "int64", Description: "nanoseconds", GoType: "time.Duration"}
	case t == reflect.TypeFor[json.Number]():
		return &schema{Type: "number", GoType: "json.Number", MsgpackType: "str"}
	case t == reflect.TypeFor[json.RawMessage]():
		return &schema{GoType: "json.RawMessage", MsgpackType: "bin"}
	case t.PkgPath() != "" && t.Kind() != reflect.Interface:
		return b.named(t)
	default:
		return b.unnamed(t, depth)
	}
}

// named returns a reference to the definition of a type.
func (b *builder) named(t reflect.Type) *schema {
	name, known := b.names[t]
	if !known {
		name = b.freeName(t)
		b.names[t] = name
		def := new(schema)
		b.defs[name] = def // before its parts, which may refer to it
		*def = *b.define(t)
		b.describe(def, t)
	}
	return &schema{Ref: "#/$defs/" + name}
}

// describe says where a definition comes from.
func (b *builder) describe(def *schema, t reflect.Type) {
	if def.Own != nil {
		return
	}
	def.GoType = t.String()
	if doc := b.docs[docName(t)]; doc != "" {
		def.Description, def.Deprecated = strings.TrimSpace(doc+"\n\n"+def.Description), deprecated(doc)
	}
}

// define returns the schema of a type that has a name.
func (b *builder) define(t reflect.Type) *schema {
	s := ownSchema(t)
	if s == nil {
		s = marshaled(t)
	}
	if s == nil {
		s = b.unnamed(t, 0)
	}
	if kind := msgpackType(t); kind != "" {
		s.MsgpackType = kind
	}
	describeMessage(s, t)
	return s
}

// unnamed returns the schema of what a type is made of.
func (b *builder) unnamed(t reflect.Type, depth int) *schema {
	switch t.Kind() {
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Float32:
		return &schema{Type: "number", Format: "float"}
	case reflect.Float64:
		return &schema{Type: "number", Format: "double"}
	case reflect.Pointer:
		return b.schema(t.Elem(), depth+1).orNull()
	case reflect.Slice:
		if isBytes(t) && !marshals(t.Elem()) {
			return (&schema{Type: "string", ContentEncoding: "base64", MsgpackType: "bin"}).orNull()
		}
		return (&schema{Type: "array", Items: b.schema(t.Elem(), depth+1)}).orNull()
	case reflect.Array:
		n := t.Len()
		s := &schema{Type: "array", Items: b.schema(t.Elem(), depth+1), MinItems: &n, MaxItems: &n}
		if t.Elem().Kind() == reflect.Uint8 {
			s.MsgpackType = "bin"
		}
		return s
	case reflect.Map:
		return b.mapping(t, depth)
	case reflect.Struct:
		return b.structure(t, depth)
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return &schema{}
		}
		return &schema{ReadOnly: true, Description: "whatever has the methods of " + t.String() + "; it cannot be sent as JSON"}
	}
	if integer := integer(t.Kind()); integer != nil {
		return integer
	}
	return &schema{Not: &schema{}, Description: fmt.Sprintf("a %s of Go, which cannot be encoded", t.Kind())}
}

// mapping returns the schema of a map, whose keys are text in JSON.
func (b *builder) mapping(t reflect.Type, depth int) *schema {
	s := &schema{Type: "object"}
	if onlyPointerMarshals(t.Elem()) { // for what is in a map has no address
		s.AdditionalProperties = &schema{Description: "written without, read with the methods of *" + t.Elem().String()}
	} else {
		s.AdditionalProperties = b.schema(t.Elem(), depth+1)
	}
	switch key := t.Key(); {
	case key.Kind() == reflect.String || marshalsText(key):
	case integer(key.Kind()) != nil:
		s.PropertyNames = &schema{Pattern: "^-?[0-9]+$", MsgpackType: "integer"}
	default:
		s.Not, s.Description = &schema{Type: "object"}, "JSON has no such keys: "+key.String()
	}
	return s.orNull()
}

// integer returns the schema of a kind of integer, nil for other kinds.
func integer(k reflect.Kind) *schema {
	between := func(format string, low, high int64) *schema {
		s := &schema{Type: "integer", Format: format, Minimum: &low, Maximum: &high}
		if high == 0 { // 64 bits: readers with floating-point numbers would round the bounds
			s.Maximum = nil
			if low < 0 {
				s.Minimum = nil
			}
		}
		return s
	}
	switch k {
	case reflect.Int, reflect.Int64:
		return between("int64", -1, 0)
	case reflect.Int8:
		return between("int8", -1<<7, 1<<7-1)
	case reflect.Int16:
		return between("int16", -1<<15, 1<<15-1)
	case reflect.Int32:
		return between("int32", -1<<31, 1<<31-1)
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return between("uint64", 0, 0)
	case reflect.Uint8:
		return between("uint8", 0, 1<<8-1)
	case reflect.Uint16:
		return between("uint16", 0, 1<<16-1)
	case reflect.Uint32:
		return between("uint32", 0, 1<<32-1)
	default:
		return nil
	}
}

// unfit matches what must not be in the name of a definition, which OpenAPI restricts.
var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`) //nolint:gochecknoglobals // a constant

// freeName returns a name for the definition of a type, such as "arith.Args".
func (b *builder) freeName(t reflect.Type) string {
	full := t.String()
	name := unfit.ReplaceAllString(full, "_")
	if len(name) > maxName {
		sum := fnv.New64a()
		sum.Write([]byte(full))
		name = fmt.Sprintf("%s-%x", name[:maxName-17], sum.Sum64())
	}
	free := name
	for i := 2; b.defs[free] != nil; i++ {
		free = fmt.Sprintf("%s_%d", name, i)
	}
	return free
}
