// SPDX-License-Identifier: Apache-2.0

package reflection_test

import (
	"context"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

// Arith is what the tests serve.
type Arith struct{}

// Args are two numbers.
type Args struct {
	A int `json:"a"`
	B int // the second
}

// Reply is their product.
type Reply struct{ C int }

// Mul multiplies.
func (*Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

// source has the comments that descriptions are to show.
const source = `package reflection_test

// Everything is one of each.
type Everything struct{
	// Tree grows.
	Tree int
}

// Mul multiplies.
// */ func evil() {
func (*Arith) Mul() {}
`

// text asks a server that has not been started for the text of services.
func text(t *testing.T, infos ...rpcx.ServiceInfo) string {
	t.Helper()
	return textWith(t, source, infos...)
}

// textWith is text with comments from the given source, "" if that is no Go.
func textWith(t *testing.T, source string, infos ...rpcx.ServiceInfo) string {
	t.Helper()
	var s stand
	if err := reflection.Register(&s, fstest.MapFS{"a.go": {Data: []byte(source)}}); err != nil {
		return ""
	}
	s.infos = infos
	method := reflect.ValueOf(s.service).MethodByName("GetServices")
	reply := reflect.New(method.Type().In(2).Elem())
	method.Call([]reflect.Value{reflect.ValueOf(t.Context()), reflect.New(method.Type().In(1).Elem()), reply})
	return string(reply.Elem().Bytes())
}

// stand stands for a server.
type stand struct {
	infos   []rpcx.ServiceInfo
	service any
}

func (s *stand) Services() []rpcx.ServiceInfo { return s.infos }

func (s *stand) RegisterName(_ string, rcvr any, _ string) error {
	s.service = rcvr
	return nil
}

// compile holds source against Go's own rules.
func compile(t *testing.T, source string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "services.go", source, 0)
	if err != nil {
		t.Fatalf("%v in\n%s", err, source)
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	if _, err := config.Check("main", fset, []*ast.File{file}, nil); err != nil {
		t.Errorf("%v in\n%s", err, source)
	}
	if formatted, err := format.Source([]byte(source)); err != nil || string(formatted) != source {
		t.Errorf("it is not formatted: %v", err)
	}
}

func TestGoSource(t *testing.T) {
	t.Parallel()
	s := server.NewServer()
	defer s.Close()
	if err := s.RegisterName("com.example/Arith", new(Arith), ""); err != nil {
		t.Fatal(err)
	}
	const want = `package main

import "context"

// com_example_Arith is called "com.example/Arith".
type com_example_Arith struct{}

// Mul multiplies.
// */ func evil() {
func (s *com_example_Arith) Mul(ctx context.Context, args *Args, reply *Reply) error {
	return nil
}

type Args struct {
	A int ` + "`json:\"a\"`" + `
	B int
}

type Reply struct {
	C int
}
`
	got := text(t, s.Services()[0])
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	compile(t, got)
}

// Whatever services are called and made of, the text is Go.
func TestGoSourceCompiles(t *testing.T) {
	t.Parallel()
	type Args struct{ Other string } // another one
	type nil_ struct{ Nil int }
	method := func(name string, typ reflect.Type) rpcx.MethodInfo {
		return rpcx.MethodInfo{Name: name, Args: typ, Reply: typ}
	}
	quoted := reflect.StructOf([]reflect.StructField{
		{Name: "A", Type: reflect.TypeFor[int](), Tag: "json:\"`\n\""},
		{Name: "B", Type: reflect.TypeFor[struct{ Args }](), Tag: "\xff\x00"},
	})
	all := []rpcx.ServiceInfo{
		{Name: "Everything", Methods: []rpcx.MethodInfo{
			method("Do", reflect.TypeFor[Everything]()), method("Namesake", reflect.TypeFor[Args]()),
			method("ByKey", reflect.TypeFor[map[Pair[string, Inner]]*Knot]()), method("Selfish", reflect.TypeFor[Selfish]()),
			method("quoted", quoted), method("Nil", reflect.TypeFor[nil_]()), method("Deep", deep(1000)),
			{Name: "Raw", Func: "reflection_test.Arith.Mul"},
		}},
	}
	for _, name := range []string{
		"", "_", "string", "nil", "type", "context", "main", "init", "time", "Args", "a b", "a-b", "9", "*/", "\n}", "`", "\u2028x",
		"世界", strings.Repeat("x", 255), "<script>", "\xff\xfe", "error", "Everything",
	} {
		all = append(all, rpcx.ServiceInfo{Name: name, Methods: []rpcx.MethodInfo{
			method(name, reflect.TypeFor[namesake]()), method("a b", reflect.TypeFor[int]()), method("a-b", reflect.TypeFor[string]()),
		}})
	}
	got := text(t, all...)
	compile(t, got)
	if again := text(t, all...); again != got {
		t.Error("the text is another one the second time")
	}
	for _, want := range []string{"// Everything is one of each", "// Mul multiplies.\n// */ func evil", "// Tree grows.\n", "map[any]*Knot", `is called "\n}"`} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

// namesake is Args where that means another type.
type namesake = Args

// FuzzGoSource looks for names and comments that make no Go.
func FuzzGoSource(f *testing.F) {
	f.Add("Arith", "Mul", "Mul multiplies.")
	f.Add("*/", "\n}", "\r\n*/ //")
	f.Add("func", "\xff\u2028", "\x00\u2028}")
	f.Fuzz(func(t *testing.T, service, method, doc string) {
		source := "package a\n/*" + strings.ReplaceAll(doc, "*/", "") + "*/\nfunc (b) m() {}\n"
		got := textWith(t, source, rpcx.ServiceInfo{Name: service, Methods: []rpcx.MethodInfo{
			{Name: method, Args: reflect.TypeFor[Tree](), Reply: reflect.TypeFor[Level](), Func: "a.b.m"}, {Name: method + "x"},
		}})
		if got == "" {
			return
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "", got, 0); err != nil {
			t.Errorf("%v in\n%s", err, got)
		}
	})
}
