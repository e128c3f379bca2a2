// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What pages tell people to type must exist: make targets, programs, modules.
func TestCommands(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.info != "sh" {
				continue
			}
			dir := root
			for i, line := range b.text {
				command, _, _ := strings.Cut(line, "#")
				if err := checkCommand(strings.Fields(command), &dir, string(makefile)); err != nil {
					t.Errorf("%s:%d: %v", p.path, b.line+i, err)
				}
			}
		}
	}
}

// checkCommand says what is wrong with a command in dir, which a cd changes.
func checkCommand(words []string, dir *string, makefile string) error {
	command, last := "", ""
	if len(words) > 1 {
		command, last = words[0]+" "+words[1], words[len(words)-1]
	}
	switch {
	case len(words) == 0:
		return nil
	case words[0] == "cd" && len(words) == 2:
		*dir = filepath.Join(*dir, last)
		return exists(*dir)
	case words[0] == "make" && len(words) == 2:
		if !strings.Contains(makefile, "\n"+last+": ## ") {
			return fmt.Errorf("the Makefile has no target %q", last)
		}
		return nil
	case command == "go run", command == "go test":
		return exists(filepath.Join(*dir, strings.TrimSuffix(last, "/...")))
	case command == "go get":
		return checkModule(last)
	case command == "go mod":
		return nil
	default:
		return fmt.Errorf("nobody has checked %q", strings.Join(words, " "))
	}
}

// checkModule checks that a path is that of a module of this repository.
func checkModule(path string) error {
	const core = "github.com/rpcx-go/rpcx"
	sub, ok := strings.CutPrefix(path, core)
	if !ok {
		return fmt.Errorf("%s is not ours", path)
	}
	return exists(filepath.Join(root, sub, "go.mod"))
}

func exists(path string) error {
	_, err := os.Stat(path)
	return err
}

func TestCheckCommand(t *testing.T) {
	t.Parallel()
	for line, ok := range map[string]bool{
		"":                               true,
		"make demo":                      true,
		"make coffee":                    false,
		"cd examples":                    true,
		"cd nowhere":                     false,
		"go run ./examples/metadata":     true,
		"go run ./examples/nothing":      false,
		"go test ./examples/...":         true,
		"go get github.com/rpcx-go/rpcx": true,
		"go get github.com/rpcx-go/rpcx/compress/zstd": true,
		"go get github.com/rpcx-go/rpcx/client":        false,
		"go get github.com/smallnest/rpcx":             false,
		"rm -rf examples":                              false,
	} {
		dir := root
		if err := checkCommand(strings.Fields(line), &dir, "\ndemo: ## x\n"); (err == nil) != ok {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// A link to a file of the repository leads somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for _, p := range pages(t) {
		for i, line := range p.prose {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if err := exists(filepath.Join(root, filepath.Dir(p.path), m[1])); err != nil {
					t.Errorf("%s:%d: %v", p.path, i+1, err)
				}
			}
		}
	}
}
