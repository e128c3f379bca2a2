// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// value adds the text of arguments to the hash: what fmt prints for %v, as rpcx does.
// It differs where that would not be the same in another process:
//   - pointers within the arguments are followed, and print as & and what they point to;
//   - channels, functions and raw pointers are left out;
//   - Protocol Buffers messages print their exported fields, because their own text
//     differs from build to build on purpose.
//
// It goes no further than 32 levels down, and through no more than 10,000 structs, lists, maps,
// pointers and interfaces: what lies beyond prints as "...".
//
// It allocates for maps, interfaces, and for types that print themselves.
func (h hash) value(args any) hash {
	switch v := args.(type) {
	case string:
		return h.text(v)
	case nil:
		return h.text("<nil>")
	case []byte: // a payload, perhaps a large one
		return h.numbers(v)
	default:
		left := most
		return h.reflected(reflect.ValueOf(args), deepest, &left)
	}
}

// deepest is how many levels of values are printed, and most how many values that hold others:
// some point to themselves, more than once.
const (
	deepest = 32
	most    = 10_000
)

func (h hash) reflected(v reflect.Value, depth int, left *int) hash {
	if depth < 0 || *left <= 0 {
		return h.text("...")
	}
	var digits [32]byte
	switch {
	case !v.IsValid():
		return h.text("<nil>")
	case printsItself(v):
		return h.text(fmt.Sprint(v.Interface()))
	}
	switch v.Kind() {
	case reflect.String:
		return h.text(v.String())
	case reflect.Bool:
		return h.bytes(strconv.AppendBool(digits[:0], v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return h.bytes(strconv.AppendInt(digits[:0], v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return h.bytes(strconv.AppendUint(digits[:0], v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		return h.bytes(strconv.AppendFloat(digits[:0], v.Float(), 'g', -1, v.Type().Bits()))
	case reflect.Complex64, reflect.Complex128:
		return h.text(fmt.Sprint(v.Complex()))
	}
	depth, *left = depth-1, *left-1
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return h.text("<nil>")
		}
		return h.byte('&').reflected(v.Elem(), depth, left)
	case reflect.Interface:
		return h.reflected(v.Elem(), depth, left)
	case reflect.Slice, reflect.Array:
		return h.list(v, depth, left)
	case reflect.Struct:
		return h.fields(v, depth, left)
	case reflect.Map:
		return h.entries(v, depth, left)
	default:
		return h
	}
}

func (h hash) list(v reflect.Value, depth int, left *int) hash {
	h = h.byte('[')
	for i := range v.Len() {
		if i > 0 {
			h = h.byte(' ')
		}
		h = h.reflected(v.Index(i), depth, left)
	}
	return h.byte(']')
}

func (h hash) numbers(b []byte) hash {
	var digits [3]byte
	h = h.byte('[')
	for i, c := range b {
		if i > 0 {
			h = h.byte(' ')
		}
		h = h.bytes(strconv.AppendUint(digits[:0], uint64(c), 10))
	}
	return h.byte(']')
}

func (h hash) fields(v reflect.Value, depth int, left *int) hash {
	h = h.byte('{')
	message, first := isMessage(v.Type()), true
	for i := range v.NumField() {
		if message && !v.Type().Field(i).IsExported() {
			continue
		}
		if !first {
			h = h.byte(' ')
		}
		first = false
		h = h.reflected(v.Field(i), depth, left)
	}
	return h.byte('}')
}

func (h hash) entries(v reflect.Value, depth int, left *int) hash {
	keys := v.MapKeys()
	slices.SortFunc(keys, byText)
	h = h.text("map[")
	for i, k := range keys {
		if i > 0 {
			h = h.byte(' ')
		}
		h = h.reflected(k, depth, left).byte(':').reflected(v.MapIndex(k), depth, left)
	}
	return h.byte(']')
}

// byText orders numbers by value and all else by text.
func byText(a, b reflect.Value) int {
	switch {
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	case a.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	default:
		return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
	}
}

func printsItself(v reflect.Value) bool {
	t := v.Type()
	return t.NumMethod() > 0 && v.Kind() != reflect.Interface && v.CanInterface() && !isMessage(t) &&
		(t.Implements(reflect.TypeFor[fmt.Formatter]()) || t.Implements(reflect.TypeFor[error]()) ||
			t.Implements(reflect.TypeFor[fmt.Stringer]()))
}

// isMessage reports whether a type, or a pointer to it, is a Protocol Buffers message.
func isMessage(t reflect.Type) bool {
	message := reflect.TypeFor[interface{ ProtoMessage() }]()
	return t.Implements(message) || t.Kind() == reflect.Struct && reflect.PointerTo(t).Implements(message)
}
