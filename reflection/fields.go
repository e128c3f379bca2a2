// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is a member of a struct in one encoding.
type field struct {
	reflect.StructField
	owner  reflect.Type // the struct that declares it
	name   string
	tagged bool
	quoted bool  // a number or a boolean that is text in JSON
	empty  bool  // left out when it is zero
	path   []int // through embedded structs
}

// structure returns the schema of a struct.
func (b *builder) structure(t reflect.Type, depth int) *schema {
	inJSON, inMsgpack := jsonFields(t), msgpackFields(t)
	s := &schema{Type: "object", Properties: make(members, 0, len(inJSON))}
	same := len(inJSON) == len(inMsgpack.fields) && !inMsgpack.array
	for _, f := range inJSON {
		property := b.property(f, depth)
		i := slices.IndexFunc(inMsgpack.fields, func(m field) bool { return slices.Equal(m.path, f.path) })
		switch {
		case i < 0 || i != lastOf(inMsgpack.fields, inMsgpack.fields[i].name):
			same = false
		case inMsgpack.fields[i].name != f.name:
			property.MsgpackName = inMsgpack.fields[i].name
		}
		s.Properties = append(s.Properties, member{f.name, property})
	}
	if same {
		return s
	}
	for i := range s.Properties {
		s.Properties[i].schema.MsgpackName = ""
	}
	if inMsgpack.array {
		s.MsgpackType = "array"
	}
	s.MsgpackProperties = make(members, 0, len(inMsgpack.fields))
	for i, f := range inMsgpack.fields {
		if i == lastOf(inMsgpack.fields, f.name) {
			s.MsgpackProperties = append(s.MsgpackProperties, member{f.name, b.property(f, depth)})
		}
	}
	return s
}

// lastOf returns which of several fields of a name in MessagePack a reader sees.
func lastOf(fields []field, name string) (last int) {
	for i, f := range fields {
		if f.name == name {
			last = i
		}
	}
	return last
}

// property returns the schema of a field.
func (b *builder) property(f field, depth int) *schema {
	var s *schema
	if f.quoted {
		s = &schema{Type: "string", Description: "a " + f.Type.String() + " in JSON, as text"}
		if f.Type.Kind() == reflect.Pointer {
			s = s.orNull()
		}
	} else {
		s = b.schema(f.Type, depth+1)
	}
	if doc := b.docs[docName(f.owner)+"."+f.Name]; doc != "" {
		s.Description, s.Deprecated = doc, deprecated(doc)
	}
	s.OmitEmpty = f.empty
	describeField(s, f)
	return s
}

// jsonFields returns the fields that package encoding/json sees: those of embedded
// structs among them, unless one of the same name is nearer, or as near and not alone.
func jsonFields(t reflect.Type) []field {
	type level struct {
		typ  reflect.Type
		path []int
	}
	var found []field
	visited := map[reflect.Type]bool{}
	for next := []level{{typ: t}}; len(next) > 0; {
		this := next
		next = nil
		for _, l := range this {
			if visited[l.typ] {
				continue
			}
			for i := range l.typ.NumField() {
				f, embedded := jsonField(l.typ, i, append(slices.Clone(l.path), i))
				switch {
				case embedded != nil:
					next = append(next, level{embedded, f.path})
				case f.name != "":
					found = append(found, f)
				}
			}
		}
		for _, l := range this {
			visited[l.typ] = true
		}
	}
	return dominant(found)
}

// jsonField reads field i of a struct. It returns the struct instead if that is embedded,
// and no name for a field that does not count.
func jsonField(owner reflect.Type, i int, path []int) (f field, embedded reflect.Type) {
	sf := owner.Field(i)
	f = field{StructField: sf, owner: owner, path: path}
	target := sf.Type
	if sf.Anonymous && target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	if !sf.IsExported() && (!sf.Anonymous || target.Kind() != reflect.Struct) {
		return f, nil
	}
	tag := sf.Tag.Get("json")
	if tag == "-" {
		return f, nil
	}
	name, options, _ := strings.Cut(tag, ",")
	if !validName(name) {
		name = ""
	}
	if sf.Anonymous && name == "" && target.Kind() == reflect.Struct {
		return f, target
	}
	f.name, f.tagged = name, name != ""
	if name == "" {
		f.name = sf.Name
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.empty = f.empty || sf.Type.Kind() != reflect.Struct
		case "omitzero":
			f.empty = true
		case "string":
			f.quoted = quotable(sf.Type)
		}
	}
	return f, nil
}

// quotable reports whether the option "string" changes the JSON of a type.
func quotable(t reflect.Type) bool {
	if marshals(t) {
		return false
	}
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64:
		return true
	default:
		return integer(t.Kind()) != nil
	}
}

// validName reports whether package json takes a name from a tag.
func validName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return name != ""
}

// dominant returns one field of each name that is not ambiguous, in the order of the
// source.
func dominant(found []field) []field {
	byName := make(map[string][]field, len(found))
	for _, f := range found {
		byName[f.name] = append(byName[f.name], f)
	}
	var best []field
	for _, rivals := range byName {
		slices.SortStableFunc(rivals, func(a, b field) int {
			switch {
			case len(a.path) != len(b.path):
				return len(a.path) - len(b.path)
			case a.tagged == b.tagged:
				return 0
			case a.tagged:
				return -1
			default:
				return 1
			}
		})
		if len(rivals) == 1 || len(rivals[0].path) != len(rivals[1].path) || rivals[0].tagged != rivals[1].tagged {
			best = append(best, rivals[0])
		}
	}
	slices.SortFunc(best, func(a, b field) int { return slices.Compare(a.path, b.path) })
	return best
}
