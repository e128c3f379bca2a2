// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A name that a page sets in code, such as client.Option.OnPush, is one that a
// package has. The page about moving from rpcx speaks of rpcx's names as well: there
// the first column of a table and the text are rpcx's.
func TestNamesExist(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("`[^`]+`")
	name := regexp.MustCompile(`\b([a-z]+)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)
	packages := make(map[string]map[string]bool)
	for _, p := range pages(t) {
		if strings.HasPrefix(p.path, "docs/adr") {
			continue // decisions of their day
		}
		for i, line := range p.prose {
			if filepath.Base(p.path) == "migrating-from-rpcx.md" {
				_, line, _ = strings.Cut(strings.TrimPrefix(line, "|"), "|")
			}
			for _, span := range code.FindAllString(line, -1) {
				for _, m := range name.FindAllStringSubmatch(span, -1) {
					if packages[m[1]] == nil {
						packages[m[1]] = exported(t, m[1])
					}
					if names := packages[m[1]]; len(names) > 0 && (!names[m[2]] || m[3] != "" && !names[m[2]+"."+m[3]]) {
						t.Errorf("%s:%d: there is no %s", p.path, i+1, m[0])
					}
				}
			}
		}
	}
}

// exported returns the exported names of one of our packages, methods and fields as
// Type.Name. It returns none for a package that is not ours.
func exported(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	dir := filepath.Join(root, pkg)
	if pkg == "rpcx" {
		dir = root
	}
	names := make(map[string]bool)
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, d := range file.Decls {
			declared(d, names)
		}
	}
	return names
}

func declared(d ast.Decl, names map[string]bool) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names[d.Name.Name] = true
			return
		}
		recv := d.Recv.List[0].Type
		if p, ok := recv.(*ast.StarExpr); ok {
			recv = p.X
		}
		if id, ok := recv.(*ast.Ident); ok {
			names[id.Name+"."+d.Name.Name] = true
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					names[id.Name] = true
				}
			case *ast.TypeSpec:
				names[spec.Name.Name] = true
				members(spec, names)
			}
		}
	}
}

// members notes the fields of a struct and the methods of an interface.
func members(spec *ast.TypeSpec, names map[string]bool) {
	var fields *ast.FieldList
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		fields = typ.Fields
	case *ast.InterfaceType:
		fields = typ.Methods
	default:
		return
	}
	for _, f := range fields.List {
		for _, id := range f.Names {
			names[spec.Name.Name+"."+id.Name] = true
		}
	}
}

func TestExported(t *testing.T) {
	t.Parallel()
	names := exported(t, "client")
	for _, want := range []string{"NewXClient", "Failtry", "Option", "Option.OnPush", "XClient.Call", "Caller.Call", "DefaultOption"} {
		if !names[want] {
			t.Errorf("client.%s was not found", want)
		}
	}
	for _, not := range []string{"resolved", "OnPush", "NewBidirectionalXClient", "Option.Nothing"} {
		if names[not] && ast.IsExported(not) {
			t.Errorf("client.%s was found", not)
		}
	}
	if names := exported(t, "slog"); len(names) != 0 {
		t.Errorf("slog is taken for ours: %v", names)
	}
}
