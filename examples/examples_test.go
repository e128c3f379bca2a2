// SPDX-License-Identifier: Apache-2.0

// Package examples holds nothing but a test: each folder below is a program with a
// test of its own. The pages for users are cut out of them; the tests in docs see to it.
package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An example without a test rots, and one that the list leaves out is not found.
func TestEveryExampleIsTestedAndListed(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !f.IsDir() || f.Name() == "internal" {
			continue
		}
		if !strings.Contains(string(list), "]("+f.Name()+"/") {
			t.Errorf("README.md does not list %s", f.Name())
		}
		tests, _ := filepath.Glob(filepath.Join(f.Name(), "*_test.go"))
		deeper, _ := filepath.Glob(filepath.Join(f.Name(), "*", "*_test.go"))
		if len(tests)+len(deeper) == 0 {
			t.Errorf("%s has no test", f.Name())
		}
	}
}
