// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strings"
)

// Docs are comments by what they stand at: types as "arith.Args", their fields and
// methods as "arith.Args.A", functions as "arith.Mul".
type Docs map[string]string

// docName returns what a type is called in Docs, which do not tell instances of a generic
// one apart.
func docName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.String(), "[")
	return name
}

// maxSource is how many bytes of source are read at most.
const maxSource = 64 << 20

// Comments returns the comments of all Go files in the given folders and those below
// them, tests left out. A file that is no Go is an error.
func Comments(sources ...fs.FS) (Docs, error) {
	docs, total := make(Docs), 0
	for _, source := range sources {
		err := fs.WalkDir(source, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := fs.ReadFile(source, path)
			if err != nil {
				return err
			}
			if total += len(text); total > maxSource {
				return fmt.Errorf("more than %d bytes of source", maxSource)
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments|parser.SkipObjectResolution)
			if err == nil {
				docs.addFile(file)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reflection: read comments: %w", err)
		}
	}
	return docs, nil
}

func (d Docs) addFile(file *ast.File) {
	pkg := file.Name.Name
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			name := pkg + "."
			if receiver := receiverName(decl); receiver != "" {
				name += receiver + "."
			}
			d.add(name+decl.Name.Name, decl.Doc)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok {
					d.add(pkg+"."+t.Name.Name, decl.Doc)
					d.add(pkg+"."+t.Name.Name, t.Doc)
					d.addFields(pkg+"."+t.Name.Name, t.Type)
				}
			}
		}
	}
}

// addFields adds the comments above or behind the fields of a struct.
func (d Docs) addFields(name string, t ast.Expr) {
	s, ok := t.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range s.Fields.List {
		for _, id := range f.Names {
			d.add(name+"."+id.Name, f.Comment)
			d.add(name+"."+id.Name, f.Doc)
		}
	}
}

func (d Docs) add(name string, comment *ast.CommentGroup) {
	if text := strings.TrimSpace(comment.Text()); text != "" {
		d[name] = text
	}
}

// receiverName returns the type that a function is a method of, "" if it is none.
func receiverName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return ""
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	id, _ := t.(*ast.Ident)
	if id == nil {
		return "" // generic
	}
	return id.Name
}

// receiverOf returns the type that a method belongs to, given where it stands in the
// source as "pkg.Type.Method".
func receiverOf(source string) string {
	cut := strings.LastIndexByte(source, '.')
	if cut < 0 || strings.Count(source, ".") < 2 {
		return ""
	}
	return source[:cut]
}

// deprecated reports whether a comment says so in the way of Go.
func deprecated(doc string) bool { return strings.Contains("\n"+doc, "\nDeprecated: ") }
