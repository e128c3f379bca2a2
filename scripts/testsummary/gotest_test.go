// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRealGoTest feeds the report what this Go's own "go test -json" writes, so
// that a change of its format does not pass unseen.
func TestRealGoTest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{
		"go.mod": "module m\n\ngo 1.26.0\n",
		// Indented, for scripts/fuzz.sh finds targets by what a line begins with.
		"mixed/mixed_test.go": `package mixed
import ("fmt"; "testing")
func TestPass(t *testing.T) { t.Log("quiet") }
func TestFail(t *testing.T) { t.Error("a loud reason") }
func TestSkip(t *testing.T) { t.Run("sub", func(t *testing.T) { t.Skip("no server here") }) }
func Example() { fmt.Println("hi")
// Output: hi
}
	func FuzzSeed(f *testing.F) { f.Add(1); f.Fuzz(func(t *testing.T, n int) {}) }
`,
		"panics/panics_test.go": "package panics\nimport \"testing\"\nfunc TestPanic(t *testing.T) { panic(\"at the disco\") }\n",
		"dies/dies_test.go": `package dies
import "testing"
func TestWaits(t *testing.T) {
	t.Run("done", func(*testing.T) {})
	go panic("out of the blue")
	select {}
}
`,
		"broken/broken_test.go": "package broken\nimport \"testing\"\nfunc TestBroken(t *testing.T) { undefinedName() }\n",
		"exits/exits_test.go":   "package exits\nimport (\"os\"; \"testing\")\nfunc TestMain(m *testing.M) { m.Run(); os.Exit(3) }\nfunc TestFine(t *testing.T) {}\n",
		"empty/empty.go":        "package empty\n",
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	events, err := cmd.Output()
	if err == nil {
		t.Fatal("go test passed, though packages of it must fail")
	}

	var out strings.Builder
	ok, err := run(bytes.NewReader(events), &out, nil)
	if err != nil || ok {
		t.Errorf("run = %v, %v, want false, nil", ok, err)
	}
	// Passed: TestPass, TestSkip, Example, FuzzSeed and its seed, TestFine, TestWaits/done.
	// Failed: TestFail, TestPanic, and the packages broken, dies and exits.
	const last = "\n7 passed, 5 failed, 1 skipped\n"
	if !strings.HasSuffix(out.String(), last) {
		t.Errorf("does not end with %q", last)
	}
	for _, want := range []string{
		"a loud reason\n", "panic: at the disco", "TestWaits did not end\n", "panic: out of the blue\n", "undefined: undefinedName\n", "the test program did not end well\n",
		"none  m/empty\n",
		"SKIPPED m/mixed.TestSkip/sub: mixed_test.go:5: no server here\n",
		"FAILED  m/mixed.TestFail\n", "FAILED  m/panics.TestPanic\n", "FAILED  package m/broken\n", "FAILED  package m/exits\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing %q", want)
		}
	}
	if strings.Contains(out.String(), "quiet") {
		t.Error("shows what a test that passed printed")
	}
	if t.Failed() {
		t.Logf("output:\n%s", out.String())
	}
}
