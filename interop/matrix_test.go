// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	reallog "github.com/smallnest/rpcx/log"
)

var only = flag.String("cells", "", "run only the cells of the matrix whose title matches this expression")

// matrix is what TestMatrix ran, for TestMain to print.
var matrix []*cell

func TestMain(m *testing.M) {
	flag.Parse()
	reallog.SetDummyLogger()
	code := m.Run()
	fmt.Println()
	if err := writeTable(os.Stdout, matrix); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if len(matrix) > 0 {
		writeDifferences(os.Stdout)
	}
	os.Exit(code)
}

func TestMatrix(t *testing.T) {
	b, err := newBench()
	if b != nil {
		defer b.close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if b.relay == nil {
		t.Logf("quic is left out: %v", errNoRelay)
	}
	wanted := regexp.MustCompile(*only)
	for _, c := range b.cells() {
		if wanted.MatchString(c.title()) {
			matrix = append(matrix, c)
		}
	}
	began := time.Now()
	b.runAll(t.Context(), matrix)
	t.Logf("%d cells in %v", len(matrix), time.Since(began).Round(time.Millisecond))
	for _, c := range matrix {
		if c.err != nil {
			t.Errorf("%s: %v", c.title(), c.err)
		}
	}
}
