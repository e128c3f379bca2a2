// SPDX-License-Identifier: Apache-2.0

// Testsummary folds the output of "go test -json", which it reads from standard
// input, into something to read: one line per package, everything that a failed
// test printed, and at the end every skipped and every failed test by name. The
// last line is always
//
//	N passed, M failed, K skipped
//
// where tests, subtests, examples and fuzz seeds count one each, and so does a
// package that fails outside of its tests. Each argument names a check that failed
// before the tests ran; it counts as failed too.
//
// It exits with 1 if anything failed or nothing passed.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	ok, err := run(os.Stdin, os.Stdout, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run folds in to out and reports whether everything is well.
func run(in io.Reader, out io.Writer, failedChecks []string) (ok bool, err error) {
	w := bufio.NewWriter(out)
	r := newReport(w)
	for _, name := range failedChecks {
		r.fail("check " + name)
	}
	lines := bufio.NewReader(in)
	for {
		line, rerr := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if w.Buffered() > 0 {
			if err := w.Flush(); err != nil { // people watch the packages go by
				return false, err
			}
		}
		if errors.Is(rerr, io.EOF) {
			break
		}
		if rerr != nil {
			return false, rerr
		}
	}
	ok = r.finish()
	return ok, w.Flush()
}
