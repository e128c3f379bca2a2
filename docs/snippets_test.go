// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Go code on a page is lines of an example, word for word, so that it compiles and
// does what the example's test says. Code for rpcx itself cannot be: it is marked
// "go rpcx", and must be Go at least.
func TestGoBlocksAreExcerpts(t *testing.T) {
	t.Parallel()
	sources := goFiles(t)
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			at := fmt.Sprintf("%s:%d", p.path, b.line)
			switch b.info {
			case "go":
				if !slices.ContainsFunc(sources, func(lines []string) bool { return contains(lines, b.text) }) {
					t.Errorf("%s: no example has these lines in a row:\n\t%s", at, strings.Join(b.text, "\n\t"))
				}
			case "go rpcx":
				if _, err := parser.ParseFile(token.NewFileSet(), at, strings.Join(b.text, "\n"), 0); err != nil {
					t.Error(err)
				}
			case "sh", "text":
			default:
				t.Errorf("%s: a block of %q: say go, go rpcx, sh or text", at, b.info)
			}
		}
	}
}

// The README begins with two programs, a server and a client: the files of the quick
// start, but for the line about the licence.
func TestReadmeBeginsWithTheQuickStart(t *testing.T) {
	t.Parallel()
	readme := pages(t)[0]
	for i, program := range []string{"server", "client"} {
		path := filepath.Join("examples", "quickstart", program, "main.go")
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		_, want, _ := strings.Cut(string(text), "\n\n")
		if got := strings.Join(readme.blocks[i].text, "\n") + "\n"; got != want {
			t.Errorf("block %d of %s is not %s but\n%s", i+1, readme.path, path, got)
		}
	}
}

// goFiles returns the lines of every Go file of the examples.
func goFiles(t *testing.T) [][]string {
	t.Helper()
	var files [][]string
	err := filepath.WalkDir(filepath.Join(root, "examples"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		files = append(files, strings.Split(string(text), "\n"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// contains reports whether lines has excerpt in a row, which may be indented less.
func contains(lines, excerpt []string) bool {
	if len(excerpt) == 0 {
		return false
	}
	for i := range len(lines) - len(excerpt) + 1 {
		indent, ok := strings.CutSuffix(lines[i], excerpt[0])
		if !ok || strings.Trim(indent, "\t") != "" {
			continue
		}
		same := func(line, want string) bool { return line == indent+want || line == "" && want == "" }
		if slices.EqualFunc(lines[i:i+len(excerpt)], excerpt, same) {
			return true
		}
	}
	return false
}

func TestContains(t *testing.T) {
	t.Parallel()
	lines := strings.Split("func f() {\n\tif x {\n\t\ty()\n\n\t\tz()\n\t}\n}", "\n")
	for excerpt, want := range map[string]bool{
		"if x {\n\ty()":                 true,
		"\tif x {\n\t\ty()":             true,
		"y()\n\nz()":                    true,
		"func f() {":                    true,
		"y()\nz()":                      false,
		"if x {\n\t\ty()":               false,
		" y()":                          false,
		"x {":                           false,
		"}\n}":                          false,
		"\t}\n}":                        true,
		"z()\n\t}\n}\nanother":          false,
		strings.Join(lines, "\n"):       true,
		strings.Join(lines[:2], "\r\n"): false,
	} {
		if got := contains(lines, strings.Split(excerpt, "\n")); got != want {
			t.Errorf("contains %q: %t", excerpt, got)
		}
	}
	if contains(lines, nil) {
		t.Error("an empty block counts as an excerpt")
	}
}
