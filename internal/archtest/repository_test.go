// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	modulePath = "github.com/rpcx-go/rpcx"
	root       = "../.." // of the repository, seen from this folder
)

// source is everything that is checked.
type source struct {
	files   []*file
	modules []string // folders with a go.mod, "." for core
}

// file is a Go file.
type file struct {
	path   string // below the root of the repository
	pkg    string // path below the module path, "." for the root package
	module string // folder of its module, "." for core
	test   bool
	text   []byte
	fset   *token.FileSet
	ast    *ast.File
}

//nolint:gochecknoglobals // every test reads the same files; they are read once
var readOnce = sync.OnceValues(func() (*source, error) { return read(root) })

// repository returns the source of the whole repository.
func repository(t *testing.T) *source {
	t.Helper()
	src, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// read reads all Go files below dir but those that the go command passes over and
// the pinned tools.
func read(dir string) (*source, error) {
	src := new(source)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir() && passedOver(rel):
			return fs.SkipDir
		case d.IsDir():
			return nil
		case d.Name() == "go.mod":
			src.modules = append(src.modules, path.Dir(rel))
		case strings.HasSuffix(rel, ".go"):
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			f, err := parse(rel, text)
			if err != nil {
				return err
			}
			src.files = append(src.files, f)
		}
		return nil
	})
	for _, f := range src.files {
		f.module = moduleOf(src.modules, f.pkg)
	}
	return src, err
}

func passedOver(dir string) bool {
	base := path.Base(dir)
	return dir != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") ||
		slices.Contains([]string{"testdata", "vendor", "node_modules"}, base) || dir == "internal/tools")
}

func parse(name string, text []byte) (*file, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return &file{
		path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
		text: text, fset: fset, ast: tree,
	}, err
}

// moduleOf returns the innermost of modules that holds a package.
func moduleOf(modules []string, pkg string) string {
	best := "."
	for _, m := range modules {
		if m != "." && matches(m+"/...", pkg) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

// imports returns the import paths of a file.
func (f *file) imports() []string {
	paths := make([]string, 0, len(f.ast.Imports))
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// line returns the line on which something stands.
func (f *file) line(n ast.Node) int { return f.fset.Position(n.Pos()).Line }

// inProject cuts the module path off an import path, if it has it.
func inProject(importPath string) (pkg string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// thirdParty reports whether an import path is neither ours nor the standard
// library's, whose first elements have no dot.
func thirdParty(importPath string) bool {
	_, ours := inProject(importPath)
	first, _, _ := strings.Cut(importPath, "/")
	return !ours && strings.Contains(first, ".")
}

func TestRead(t *testing.T) {
	t.Parallel()
	src := repository(t)
	for _, want := range []string{"protocol/header.go", "internal/archtest/repository_test.go", "doc.go"} {
		if !slices.ContainsFunc(src.files, func(f *file) bool { return f.path == want }) {
			t.Errorf("%s was not read", want)
		}
	}
	for _, want := range []string{".", "interop", "codec/thrift"} {
		if !slices.Contains(src.modules, want) {
			t.Errorf("module %s was not found", want)
		}
	}
	for _, f := range src.files {
		if passedOver(path.Dir(f.path)) {
			t.Errorf("%s was read", f.path)
		}
	}
}

func TestModuleOf(t *testing.T) {
	t.Parallel()
	modules := []string{".", "codec/thrift", "cmd/rpcx"}
	for pkg, want := range map[string]string{
		".": ".", "codec": ".", "codec/thriftlike": ".",
		"codec/thrift": "codec/thrift", "codec/thrift/gen": "codec/thrift", "cmd/rpcx": "cmd/rpcx",
	} {
		if got := moduleOf(modules, pkg); got != want {
			t.Errorf("%s is in %s, want %s", pkg, got, want)
		}
	}
}

func TestThirdPartyPath(t *testing.T) {
	t.Parallel()
	for importPath, want := range map[string]bool{
		"net/http": false, modulePath: false, modulePath + "/codec": false,
		modulePath + "x/codec": true, "golang.org/x/net/nettest": true, "github.com/a/b": true,
	} {
		if got := thirdParty(importPath); got != want {
			t.Errorf("%s: %v, want %v", importPath, got, want)
		}
	}
}
