// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// dependency permits packages of core to import a module of somebody else. The
// default answer to a new line is no: what needs a dependency that most users do
// not run is a module of its own.
type dependency struct {
	pkg    string // a pattern as in layer
	module string
	reason string
}

func dependencies() []dependency {
	return []dependency{
		{"codec/msgpack", "github.com/vmihailenco/msgpack/v5", "its encoder defines the bytes of rpcx's default codec"},
		{"codec/protobuf", "google.golang.org/protobuf", "Protocol Buffers' own runtime"},
		{"reflection", "google.golang.org/protobuf", "messages know the names of their fields and values"},
		{"transport/transporttest", "golang.org/x/net", "nettest, the standard suite for net.Conn"},
	}
}

// testDependencies are what tests of core may import besides.
func testDependencies() []dependency {
	return []dependency{
		{"...", "go.uber.org/goleak", "proves that no goroutine is left"},
		{"...", "google.golang.org/protobuf", "messages to send"},
		{"codec/msgpack", "github.com/vmihailenco/msgpack/v5", "what the codec is compared with"},
		{"transport/...", "golang.org/x/net", "nettest, the standard suite for net.Conn"},
		{"server", "golang.org/x/net", "websocket, clients that are not ours"},
	}
}

// permitted reports whether a package may import a path of somebody else's module.
func permitted(table []dependency, pkg, importPath string) bool {
	return slices.ContainsFunc(table, func(d dependency) bool {
		return matches(d.pkg, owner(pkg)) && matches(d.module+"/...", importPath)
	})
}

func TestThirdPartyImportsOfCore(t *testing.T) {
	t.Parallel()
	for _, f := range repository(t).files {
		if f.module != "." {
			continue
		}
		table := dependencies()
		if f.test {
			table = append(table, testDependencies()...)
		}
		for _, p := range f.imports() {
			if thirdParty(p) && !permitted(table, f.pkg, p) {
				t.Errorf("%s imports %s, which no line of internal/archtest/deps_test.go permits to it", f.path, p)
			}
		}
	}
}

func TestPermitted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pkg, importPath string
		want            bool
	}{
		{"codec/msgpack", "github.com/vmihailenco/msgpack/v5", true},
		{"codec/protobuf", "google.golang.org/protobuf/proto", true},
		{"codec/json", "google.golang.org/protobuf/proto", false},
		{"client", "github.com/vmihailenco/msgpack/v5", false},
		{"codec/protobuf", "google.golang.org/grpc", false},
		{"codec/protobuf", "google.golang.org/protobufx", false},
		{"protocol", "golang.org/x/sys/unix", false},
	}
	for _, tt := range tests {
		if got := permitted(dependencies(), tt.pkg, tt.importPath); got != tt.want {
			t.Errorf("%s imports %s: permitted = %v, want %v", tt.pkg, tt.importPath, got, tt.want)
		}
	}
}

// TestGraphOfCore asks the go command which modules a program gets that imports
// all of core: those of the table and, listed here, what they bring along.
func TestGraphOfCore(t *testing.T) {
	t.Parallel()
	allowed := []string{
		modulePath,
		"github.com/vmihailenco/tagparser/v2", // of msgpack
	}
	for _, d := range dependencies() {
		allowed = append(allowed, d.module)
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	modules := strings.Fields(string(out))
	if !slices.Contains(modules, modulePath) {
		t.Fatalf("go list knows nothing of %s", modulePath)
	}
	slices.Sort(modules)
	for _, m := range slices.Compact(modules) {
		if !slices.Contains(allowed, m) {
			t.Errorf("core depends on %s: the default answer is no", m)
		}
	}
}

// TestWorkspace keeps go.work complete: a module that is not in it is tested with
// whatever version of core its go.mod happens to name.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	work, err := os.ReadFile(path.Join(root, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range repository(t).modules {
		use := "./" + m
		if m == "." {
			use = "."
		}
		if !slices.Contains(strings.Fields(string(work)), use) {
			t.Errorf("go.work does not use %s", use)
		}
		if m == "." {
			continue
		}
		mod, err := os.ReadFile(path.Join(root, m, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		// While core is v0, modules follow it commit by commit.
		up := strings.TrimSuffix(strings.Repeat("../", strings.Count(m, "/")+1), "/")
		if want := modulePath + " => " + up + "\n"; !strings.Contains(string(mod), want) {
			t.Errorf("%s/go.mod lacks the line %q, so that it does not stand alone with this core", m, "replace "+want)
		}
	}
}
