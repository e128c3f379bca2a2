// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// selfDescribing is a type that says what its JSON looks like, because it writes that
// itself, or because Go's types cannot say what its values are. JSONSchema is called on a
// zero value and returns a JSON Schema.
type selfDescribing interface{ JSONSchema() []byte }

// maxOwn is how long in bytes the schema may be that a type gives of itself.
const maxOwn = 64 << 10

// ownSchema returns what a type says of itself, nil if it says nothing.
func ownSchema(t reflect.Type) (s *schema) {
	if !has[selfDescribing](t) || promotesSchema(t) && !marshals(t) {
		return nil
	}
	v, _ := reflect.New(t).Interface().(selfDescribing)
	failed := &schema{Description: "the type describes itself, but not as JSON Schema"}
	defer func() {
		if recover() != nil {
			s = failed
		}
	}()
	text := json.RawMessage(v.JSONSchema())
	var parsed any
	if len(text) > maxOwn || json.Unmarshal(text, &parsed) != nil {
		return failed
	}
	switch parsed.(type) {
	case map[string]any, bool:
		return &schema{Own: text}
	default:
		return failed
	}
}

// promotesSchema reports whether a struct may have its method from one that it embeds,
// which speaks of itself.
func promotesSchema(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous && has[selfDescribing](f.Type) {
			return true
		}
	}
	return false
}

// marshaled returns the schema of a type that makes its own JSON, nil if it does not.
func marshaled(t reflect.Type) *schema {
	name := t.String()
	switch {
	case has[json.Marshaler](t):
		return &schema{Description: "as the method MarshalJSON of " + name + " writes it"}
	case has[json.Unmarshaler](t):
		return &schema{Description: "as the method UnmarshalJSON of " + name + " reads it"}
	case has[encoding.TextMarshaler](t):
		return &schema{Type: "string", Description: "as the method MarshalText of " + name + " writes it"}
	case has[encoding.TextUnmarshaler](t):
		return &schema{Description: "as the method UnmarshalText of " + name + " reads it"}
	default:
		return nil
	}
}

// has reports whether values of a type, which have an address, have the methods of I.
func has[I any](t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[I]()) || t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(reflect.TypeFor[I]())
}

// marshals reports whether values of a type make their own JSON.
func marshals(t reflect.Type) bool { return has[json.Marshaler](t) || has[encoding.TextMarshaler](t) }

// marshalsText reports whether values of a type can be keys of maps in JSON.
func marshalsText(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// onlyPointerMarshals reports whether values of a type make their own JSON if they have
// an address, and else do not.
func onlyPointerMarshals(t reflect.Type) bool {
	own := t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	return marshals(t) && !own
}
