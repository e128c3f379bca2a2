// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
	"time"
)

// packed is what MessagePack makes of a struct.
type packed struct {
	fields []field
	array  bool // the values alone, without names
}

// msgpackFields returns the fields that vmihailenco's encoder sees, in its order: named
// as in Go unless a msgpack tag says otherwise, those of embedded structs among them.
func msgpackFields(t reflect.Type) packed { return msgpackStruct(t, nil) }

// msgpackStruct is msgpackFields within the structs around, which embed t.
func msgpackStruct(t reflect.Type, around []reflect.Type) (p packed) {
	seen := make(map[string]bool)
	everyEmpty := false
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("msgpack"), ",")
		if name == "-" {
			continue
		}
		option := func(names ...string) bool {
			return slices.ContainsFunc(strings.Split(options, ","), func(o string) bool { return slices.Contains(names, strings.TrimSpace(o)) })
		}
		if sf.Name == "_msgpack" {
			p.array, everyEmpty = option("as_array", "asArray"), option("omitempty")
		}
		if !sf.IsExported() && !sf.Anonymous {
			continue
		}
		if name == "" {
			name = sf.Name
		}
		if sf.Anonymous && !option("noinline") {
			force := option("inline")
			if inner, ok := inlined(sf, append(around, t), seen, force); ok {
				for _, f := range inner {
					if !force || !seen[f.name] {
						seen[f.name] = true
						f.path = append([]int{i}, f.path...)
						p.fields = append(p.fields, f)
					}
				}
				seen[name] = true // the encoder takes that for taken as well
				continue
			}
		}
		if !sf.IsExported() {
			continue
		}
		seen[name] = true
		p.fields = append(p.fields, field{StructField: sf, owner: t, name: name, path: []int{i}, empty: everyEmpty || option("omitempty")})
	}
	return p
}

// inlined returns the fields of an embedded struct that count as those of the struct
// around it, unless that has some of the same name already.
func inlined(sf reflect.StructField, around []reflect.Type, seen map[string]bool, force bool) ([]field, bool) {
	t := sf.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || slices.Contains(around, t) || !force && (msgpackType(t) != "" || t == reflect.TypeFor[time.Time]()) {
		return nil, false
	}
	inner := msgpackStruct(t, around).fields
	shadowed := slices.ContainsFunc(inner, func(f field) bool { return seen[f.name] })
	return inner, force || !shadowed
}

// msgpackType says what MessagePack makes of a type that encodes itself, "" for one that
// does not.
func msgpackType(t reflect.Type) string {
	p := reflect.PointerTo(t)
	for _, own := range [...]string{"EncodeMsgpack", "MarshalMsgpack", "MarshalMsg"} {
		if _, ok := p.MethodByName(own); ok {
			return "custom"
		}
	}
	if has[encoding.BinaryMarshaler](t) || has[encoding.TextMarshaler](t) {
		return "bin"
	}
	return ""
}
