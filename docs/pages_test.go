// SPDX-License-Identifier: Apache-2.0

// Package docs holds the tests that keep the pages for users true: this folder's, the
// README and the list of examples. They stand in the core module, not in that of the
// examples, because the go command takes a result from its cache unless a file within
// the module has changed.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository's, seen from this folder.
const root = ".."

// page is a Markdown file.
type page struct {
	path   string // below root
	blocks []block
	prose  []string // lines outside of blocks, "" for those inside
}

// block is a fenced block of code.
type block struct {
	line int    // of its first line
	info string // what stands behind the fence
	text []string
}

// pages returns every page that users read.
func pages(t *testing.T) []page {
	t.Helper()
	paths := []string{"README.md", "CHANGELOG.md", "examples/README.md"}
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			paths = append(paths, filepath.Join("docs", path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]page, 0, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parsePage(path, string(text)))
	}
	return all
}

func parsePage(path, text string) page {
	p := page{path: path}
	inside := false
	for i, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && !inside:
			p.blocks = append(p.blocks, block{line: i + 2, info: fence})
			inside = true
		case isFence:
			inside = false
		case inside:
			last := &p.blocks[len(p.blocks)-1]
			last.text = append(last.text, line)
		}
		if inside || isFence {
			line = ""
		}
		p.prose = append(p.prose, line)
	}
	return p
}

func TestParsePage(t *testing.T) {
	t.Parallel()
	p := parsePage("x.md", "one\n```go\nf()\n\ng()\n```\ntwo\n```sh\n```\n")
	if len(p.blocks) != 2 || p.blocks[0].info != "go" || p.blocks[0].line != 3 ||
		strings.Join(p.blocks[0].text, "|") != "f()||g()" || p.blocks[1].info != "sh" || p.blocks[1].text != nil {
		t.Errorf("blocks are %+v", p.blocks)
	}
	if got := strings.Join(p.prose, "|"); got != "one||||||two|||" {
		t.Errorf("prose is %q", got)
	}
}
