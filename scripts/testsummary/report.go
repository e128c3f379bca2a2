// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is a line of "go test -json"; "go doc test2json" describes the fields,
// "go help buildjson" those of a build.
type event struct {
	Action, Package, Test, Output, ImportPath, FailedBuild string
	Elapsed                                                float64
}

// report is what is known so far about a run.
type report struct {
	out      io.Writer
	packages map[string]*packageRun
	builds   map[string]*strings.Builder // what the compiler said, by import path

	passed, failed, skipped int
	failures, skips         []string
}

// packageRun is a package whose tests have not ended.
type packageRun struct {
	name   string
	output strings.Builder // what no test owns
	tests  map[string]*testRun
	order  []*testRun
	passed int
	failed int
	cached bool
}

// testRun is a test that runs, or one that failed and will be shown.
type testRun struct {
	name    string
	output  strings.Builder
	running bool
	judged  bool // its result line was printed
}

func newReport(out io.Writer) *report {
	return &report{out: out, packages: map[string]*packageRun{}, builds: map[string]*strings.Builder{}}
}

// line takes a line of input. One that is not an event is passed on as it is.
func (r *report) line(line []byte) {
	var e event
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil {
		_, _ = r.out.Write(line) // run reports it when it flushes
		return
	}
	switch {
	case e.Action == "build-output":
		if r.builds[e.ImportPath] == nil {
			r.builds[e.ImportPath] = new(strings.Builder)
		}
		r.builds[e.ImportPath].WriteString(e.Output)
	case e.Package == "":
	case e.Test == "":
		r.packageEvent(&e)
	default:
		r.testEvent(&e)
	}
}

func (r *report) packageRun(name string) *packageRun {
	p := r.packages[name]
	if p == nil {
		p = &packageRun{name: name, tests: map[string]*testRun{}}
		r.packages[name] = p
	}
	return p
}

func (r *report) packageEvent(e *event) {
	p := r.packageRun(e.Package)
	switch e.Action {
	case "output":
		p.cached = p.cached || strings.HasSuffix(e.Output, "\t(cached)\n")
		p.output.WriteString(e.Output)
		return
	case "skip":
		r.printf("none  %s\n", p.name)
	case "pass":
		took := fmt.Sprintf("%.2fs", e.Elapsed)
		if p.cached {
			took = "cached"
		}
		r.printf("ok    %s  %d tests  %s\n", p.name, p.passed, took)
	case "fail":
		r.printf("FAIL  %s  %.2fs\n", p.name, e.Elapsed)
		r.explain(p, e.FailedBuild)
	default:
		return
	}
	delete(r.packages, p.name)
}

func (r *report) testEvent(e *event) {
	p := r.packageRun(e.Package)
	t := p.tests[e.Test]
	if t == nil {
		t = &testRun{name: e.Test}
		p.tests[e.Test] = t
		p.order = append(p.order, t)
	}
	switch e.Action {
	case "run":
		t.running = true
	case "output":
		switch {
		case t.judged: // nobody's: go test ascribes to it what the program says when it dies
			p.output.WriteString(e.Output)
		case !strings.HasPrefix(e.Output, "=== "):
			t.output.WriteString(e.Output)
			t.judged = strings.HasPrefix(strings.TrimLeft(e.Output, " "), "--- ")
		}
	case "pass":
		r.passed++
		p.passed++
		p.forget(t)
	case "skip":
		r.skipped++
		r.skips = append(r.skips, p.name+"."+t.name+": "+reason(t.output.String()))
		p.forget(t)
	case "fail": // kept: its output is shown when the package ends
		t.running = false
		p.failed++
		r.fail(p.name + "." + t.name)
	}
}

func (p *packageRun) forget(t *testRun) {
	delete(p.tests, t.name)
	p.order = slices.DeleteFunc(p.order, func(o *testRun) bool { return o == t })
}

// explain shows why a package failed: the compiler's words, what was printed by
// tests that failed or never ended, and what no test printed.
func (r *report) explain(p *packageRun, failedBuild string) {
	if p.failed == 0 {
		r.fail("package " + p.name)
		if failedBuild == "" {
			r.indent("no test failed: the test program did not end well")
		}
	}
	if b := r.builds[failedBuild]; b != nil {
		r.indent(b.String())
		delete(r.builds, failedBuild)
	}
	for _, t := range p.order {
		if t.running {
			r.indent(t.name + " did not end")
		}
		r.indent(t.output.String())
	}
	for line := range strings.Lines(p.output.String()) {
		if line != "FAIL\n" && !strings.HasPrefix(line, "FAIL\t") {
			r.indent(line)
		}
	}
}

func (r *report) fail(what string) {
	r.failed++
	r.failures = append(r.failures, what)
}

// finish prints the summary and reports whether everything is well.
func (r *report) finish() bool {
	for _, name := range slices.Sorted(maps.Keys(r.packages)) { // go test was cut short
		r.printf("FAIL  %s  did not end\n", name)
		r.explain(r.packages[name], "")
	}
	r.printf("\n")
	for _, s := range r.skips {
		r.printf("SKIPPED %s\n", s)
	}
	for _, f := range r.failures {
		r.printf("FAILED  %s\n", f)
	}
	if r.passed == 0 {
		r.printf("FAILED  no test passed: did any run?\n")
	}
	r.printf("Tests, subtests, examples and fuzz seeds count one each, and so does whatever else failed.\n")
	r.printf("%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return r.failed == 0 && r.passed > 0
}

// printf writes to the report; run reports a failure when it flushes.
func (r *report) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.out, format, args...)
}

func (r *report) indent(text string) {
	for line := range strings.Lines(text) {
		r.printf("      %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// reason makes one line out of what a skipped test printed.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	if said == nil {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
