// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"fmt"
	"go/format"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/rpcx-go/rpcx"
)

// goSource returns services as a file of Go: the types of their arguments and replies, and
// a type with the methods for each. What has the same name in different packages is told
// apart by a number. Types of the standard library are imported; of others, only what
// is exported is there.
func goSource(services []rpcx.ServiceInfo, docs Docs) []byte {
	w := &goWriter{docs: docs, left: maxNodes, names: make(map[reflect.Type]string), taken: make(map[string]bool)}
	for _, name := range reserved() {
		w.taken[name] = true
	}
	var body strings.Builder
	for _, info := range services {
		w.service(&body, info)
	}
	for len(w.pending) > 0 { // defining one may find others
		t := w.pending[0]
		w.pending = w.pending[1:]
		w.define(&body, t)
	}
	var out strings.Builder
	out.WriteString("package main\n\nimport \"context\"\n")
	slices.Sort(w.imports)
	for _, path := range slices.Compact(w.imports) {
		fmt.Fprintf(&out, "import %q\n", path)
	}
	out.WriteString("\n" + body.String())
	text, err := format.Source([]byte(out.String()))
	if err != nil { // the text is right for the compiler, if not for the eye
		return []byte(out.String())
	}
	return text
}

// goWriter writes types as Go.
type goWriter struct {
	docs    Docs
	left    int // types that may still be written
	names   map[reflect.Type]string
	taken   map[string]bool
	imports []string
	pending []reflect.Type // named and not yet defined
}

// service writes the type of a service and its methods.
func (w *goWriter) service(out *strings.Builder, info rpcx.ServiceInfo) {
	name := w.free(identifier(info.Name))
	doc := ""
	methods := make(map[string]bool, len(info.Methods))
	var body strings.Builder
	for _, m := range info.Methods {
		method := identifier(m.Name)
		for i := 2; methods[method]; i++ {
			method = fmt.Sprint(identifier(m.Name), i)
		}
		methods[method] = true
		if doc == "" {
			doc = w.docs[receiverOf(m.Func)]
		}
		comment(&body, w.docs[m.Func])
		if method != m.Name {
			comment(&body, fmt.Sprintf("%s is called %q.", method, m.Name))
		}
		if m.Args == nil {
			comment(&body, method+" takes and returns bytes of any codec.")
			fmt.Fprintf(&body, "func (s *%s) %s(ctx context.Context, args *[]byte, reply *[]byte) error {\nreturn nil\n}\n\n", name, method)
			continue
		}
		fmt.Fprintf(&body, "func (s *%s) %s(ctx context.Context, args *%s, reply *%s) error {\nreturn nil\n}\n\n",
			name, method, w.expr(m.Args, 0), w.expr(m.Reply, 0))
	}
	comment(out, doc)
	if name != info.Name {
		comment(out, fmt.Sprintf("%s is called %q.", name, info.Name))
	}
	fmt.Fprintf(out, "type %s struct{}\n\n%s", name, body.String())
}

// comment writes text as a comment.
func comment(out *strings.Builder, text string) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && r != '\t' {
				return -1
			}
			return r
		}, line)
		out.WriteString(strings.TrimRight("// "+line, " ") + "\n")
	}
}

// define writes the definition of a type that has a name.
func (w *goWriter) define(out *strings.Builder, t reflect.Type) {
	comment(out, w.docs[docName(t)])
	if s := marshaled(t); s != nil && s.Description != "" {
		comment(out, "In JSON it is "+s.Description+".")
	}
	fmt.Fprintf(out, "type %s %s\n\n", w.names[t], w.underlying(t, 0))
}

// expr returns how Go names a type.
func (w *goWriter) expr(t reflect.Type, depth int) string {
	if w.left--; w.left < 0 || depth > maxNesting {
		return "any"
	}
	if t.PkgPath() == "" || t.Kind() == reflect.Interface {
		return w.underlying(t, depth)
	}
	if name, known := w.names[t]; known {
		return name
	}
	if standard(t) {
		w.imports = append(w.imports, t.PkgPath())
		w.names[t] = t.String()
		return t.String()
	}
	name := w.free(identifier(t.Name()))
	w.names[t] = name
	w.pending = append(w.pending, t)
	return name
}

// standard reports whether a program can import a type from the standard library.
func standard(t reflect.Type) bool {
	path := t.PkgPath()
	first, _, _ := strings.Cut(path, "/")
	inner := strings.HasPrefix(path, "internal/") || strings.Contains(path, "/internal/") || strings.HasPrefix(path, "vendor/")
	return token.IsExported(t.Name()) && !strings.ContainsAny(t.Name(), "[·") && // a local one is not there
		!strings.Contains(first, ".") && !inner && slices.Contains(importable(), path)
}

// importable returns the packages of the standard library whose types are values that
// services exchange. A path without a dot may as well be a program's own.
func importable() []string {
	return []string{"time", "encoding/json", "math/big", "net", "net/netip", "net/url", "database/sql", "net/mail", "image", "image/color", "net/http"}
}

// reserved returns the names that a type must not have: those that the text uses with
// another meaning.
func reserved() []string {
	names := []string{"context", "error", "any", "nil", "main", "init"}
	for _, path := range importable() {
		names = append(names, path[strings.LastIndexByte(path, '/')+1:])
	}
	for k := reflect.Bool; k <= reflect.String; k++ {
		names = append(names, k.String())
	}
	return names
}

// underlying returns what a type is made of.
func (w *goWriter) underlying(t reflect.Type, depth int) string {
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + w.expr(t.Elem(), depth+1)
	case reflect.Slice:
		return "[]" + w.expr(t.Elem(), depth+1)
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), w.expr(t.Elem(), depth+1))
	case reflect.Map:
		if t.Key().Kind() == reflect.Interface || t.Key().Kind() == reflect.Struct {
			return "map[any]" + w.expr(t.Elem(), depth+1) // whose parts may be left out
		}
		return "map[" + w.expr(t.Key(), depth+1) + "]" + w.expr(t.Elem(), depth+1)
	case reflect.Struct:
		return w.structure(t, depth)
	case reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return "any"
	default:
		return t.Kind().String()
	}
}

// structure writes the exported fields of a struct.
func (w *goWriter) structure(t reflect.Type, depth int) string {
	var out strings.Builder
	out.WriteString("struct {\n")
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && !w.promotes(f) {
			continue
		}
		comment(&out, w.docs[docName(t)+"."+f.Name])
		typ := w.expr(f.Type, depth+1)
		name := identifier(f.Name)
		if embeds := strings.TrimPrefix(typ, "*"); !f.Anonymous || embeds[strings.LastIndexByte(embeds, '.')+1:] != name {
			out.WriteString(name + " ")
		}
		out.WriteString(typ)
		switch tag := string(f.Tag); {
		case tag == "":
		case strings.ContainsAny(tag, "`\r") || !strconv.CanBackquote(tag):
			out.WriteString(" " + strconv.Quote(tag))
		default:
			out.WriteString(" `" + tag + "`")
		}
		out.WriteString("\n")
	}
	out.WriteString("}")
	return out.String()
}

// promotes reports whether a field that is not exported has fields that are.
func (w *goWriter) promotes(f reflect.StructField) bool {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && t.Kind() == reflect.Struct
}

// free returns name, with a number if it is taken.
func (w *goWriter) free(name string) string {
	free := name
	for i := 2; w.taken[free]; i++ {
		free = fmt.Sprint(name, i)
	}
	w.taken[free] = true
	return free
}

// identifier makes a name one that Go permits.
func identifier(name string) string {
	var out strings.Builder
	for i, r := range name {
		switch {
		case unicode.IsLetter(r) || r == '_' || i > 0 && unicode.IsDigit(r):
			out.WriteRune(r)
		case i == 0 && unicode.IsDigit(r):
			out.WriteString("X" + string(r))
		default:
			out.WriteByte('_')
		}
	}
	id := out.String()
	if id == "" || id == "_" || token.IsKeyword(id) {
		return "X" + id
	}
	return id
}
