// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

// Events as go test writes them, without the fields that nothing reads.
func TestRun(t *testing.T) {
	t.Parallel()
	const (
		runA  = `{"Action":"run","Package":"p","Test":"TestA"}`
		passA = `{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}`
		passP = `{"Action":"pass","Package":"p","Elapsed":1.25}`
		failP = `{"Action":"fail","Package":"p","Elapsed":1.25}`
	)
	tests := []struct {
		name   string
		checks []string
		in     []string
		ok     bool
		last   string
		want   []string // in this order
		absent []string
	}{
		{
			name: "all pass",
			in: []string{
				runA,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: chatter\n"}`,
				passA, passP,
			},
			ok:     true,
			last:   "1 passed, 0 failed, 0 skipped",
			want:   []string{"ok    p  1 tests  1.25s\n"},
			absent: []string{"chatter", "=== RUN", "FAIL", "SKIPPED"},
		},
		{
			name: "cached",
			in: []string{
				runA, passA,
				`{"Action":"output","Package":"p","Output":"ok  \tp\t(cached)\n"}`,
				passP,
			},
			ok: true, last: "1 passed, 0 failed, 0 skipped",
			want: []string{"ok    p  1 tests  cached\n"},
		},
		{
			name: "a failed test is shown whole, its neighbours are not",
			in: []string{
				runA,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: chatter\n"}`,
				passA,
				`{"Action":"run","Package":"p","Test":"TestB"}`,
				`{"Action":"run","Package":"p","Test":"TestB/sub"}`,
				`{"Action":"output","Package":"p","Test":"TestB/sub","Output":"    b_test.go:7: got 1\n"}`,
				`{"Action":"output","Package":"p","Test":"TestB/sub","Output":"    b_test.go:8: want 2\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestB/sub"}`,
				`{"Action":"fail","Package":"p","Test":"TestB"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\n"}`,
				failP,
			},
			last:   "1 passed, 2 failed, 0 skipped",
			want:   []string{"FAIL  p  1.25s\n", "      b_test.go:7: got 1\n", "b_test.go:8: want 2\n", "FAILED  p.TestB/sub\n", "FAILED  p.TestB\n"},
			absent: []string{"chatter", "package p"},
		},
		{
			name: "a skip is said aloud with its reason",
			in: []string{
				runA, passA,
				`{"Action":"run","Package":"p","Test":"TestC"}`,
				`{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:3: needs a server\n"}`,
				`{"Action":"output","Package":"p","Test":"TestC","Output":"--- SKIP: TestC (0.00s)\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestC"}`,
				`{"Action":"skip","Package":"p","Test":"TestD"}`,
				passP,
			},
			ok: true, last: "1 passed, 0 failed, 2 skipped",
			want: []string{"SKIPPED p.TestC: c_test.go:3: needs a server\n", "SKIPPED p.TestD: no reason given\n"},
		},
		{
			name: "a package that fails outside of its tests",
			in: []string{
				runA, passA,
				`{"Action":"output","Package":"p","Output":"goleak: found unexpected goroutines\n"}`,
				failP,
			},
			last: "1 passed, 1 failed, 0 skipped",
			want: []string{"      goleak: found unexpected goroutines\n", "FAILED  package p\n"},
		},
		{
			name: "a test that ended its process",
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestExit"}`,
				`{"Action":"output","Package":"p","Test":"TestExit","Output":"about to exit\n"}`,
				failP,
			},
			last: "0 passed, 1 failed, 0 skipped",
			want: []string{"      TestExit did not end\n", "      about to exit\n", "FAILED  package p\n", "FAILED  no test passed"},
		},
		{
			name: "last words that go test ascribes to a test that passed",
			in: []string{
				`{"Action":"run","Package":"p","Test":"TestHangs"}`,
				runA,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: test timed out after 5m0s\n"}`,
				passA,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t300.1s\n"}`,
				failP,
			},
			last:   "1 passed, 1 failed, 0 skipped",
			want:   []string{"      TestHangs did not end\n", "      panic: test timed out after 5m0s\n", "FAILED  package p\n"},
			absent: []string{"TestA"},
		},
		{
			name: "a package that does not compile",
			in: []string{
				`{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:1: undefined: x\n"}`,
				`{"ImportPath":"p [p.test]","Action":"build-fail"}`,
				`{"Action":"fail","Package":"p","Elapsed":0,"FailedBuild":"p [p.test]"}`,
				`{"Action":"fail","Package":"q","Elapsed":0,"FailedBuild":"p [p.test]"}`,
			},
			last: "0 passed, 2 failed, 0 skipped",
			want: []string{"      p.go:1: undefined: x\n", "FAILED  package p\n", "FAILED  package q\n"},
		},
		{
			name: "go test was cut short",
			in:   []string{runA, passA, `{"Action":"start","Package":"p"}`},
			last: "1 passed, 1 failed, 0 skipped",
			want: []string{"FAIL  p  did not end\n", "FAILED  package p\n"},
		},
		{
			name:   "a check that failed before",
			checks: []string{"gofmt"},
			in:     []string{runA, passA, passP},
			last:   "1 passed, 1 failed, 0 skipped",
			want:   []string{"FAILED  check gofmt\n"},
		},
		{
			name: "a package without tests counts nothing",
			in:   []string{`{"Action":"skip","Package":"p"}`},
			last: "0 passed, 0 failed, 0 skipped",
			want: []string{"none  p\n", "FAILED  no test passed"},
		},
		{
			name: "nothing ran",
			last: "0 passed, 0 failed, 0 skipped",
			want: []string{"FAILED  no test passed"},
		},
		{
			name: "what is not an event is passed on",
			in:   []string{"go: downloading x v1.0.0", "{ not json", runA, passA, passP},
			ok:   true, last: "1 passed, 0 failed, 0 skipped",
			want: []string{"go: downloading x v1.0.0\n", "{ not json\n", "ok    p"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			ok, err := run(strings.NewReader(strings.Join(tt.in, "\n")), &out, tt.checks)
			if err != nil {
				t.Fatal(err)
			}
			got := out.String()
			if ok != tt.ok {
				t.Errorf("ok = %v, want %v", ok, tt.ok)
			}
			if !strings.HasSuffix(got, "\n"+tt.last+"\n") {
				t.Errorf("does not end with %q", tt.last)
			}
			rest := got
			for _, want := range tt.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Errorf("missing, or not in its place: %q", want)
				}
				rest = after
			}
			for _, absent := range tt.absent {
				if strings.Contains(got, absent) {
					t.Errorf("must not be there: %q", absent)
				}
			}
			if t.Failed() {
				t.Logf("output:\n%s", got)
			}
		})
	}
}

func TestRunReportsWhatItCannotReadOrWrite(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken pipe")
	if _, err := run(iotest.ErrReader(broken), new(strings.Builder), nil); !errors.Is(err, broken) {
		t.Errorf("read error came back as %v", err)
	}
	if _, err := run(strings.NewReader(""), failingWriter{broken}, nil); !errors.Is(err, broken) {
		t.Errorf("write error came back as %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
