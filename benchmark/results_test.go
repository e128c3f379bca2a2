// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What was written is read, and can be drawn and held to targets.
func TestSavedResults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, picture := filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "a.svg")
	out, err := createResults(file)
	if err != nil {
		t.Fatal(err)
	}
	res := suiteResults()
	res.Environment = environment{CPU: "abacus", CPUs: 7, Command: "benchmark run -fast"}
	lines := []any{line{Environment: &res.Environment}}
	for _, m := range res.Measurements {
		lines = append(lines, m)
	}
	for _, c := range res.Idle {
		lines = append(lines, line{Idle: c})
	}
	for _, l := range lines {
		if err := out.write(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.close(); err != nil {
		t.Fatal(err)
	}
	read, err := readResults(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(read.Measurements) != len(res.Measurements) || *read.Measurements[3] != *res.Measurements[3] ||
		len(read.Idle) != len(res.Idle) || *read.Idle[1] != *res.Idle[1] || read.Environment.CPUs != 7 {
		t.Errorf("read %d measurements, %d idle, %+v", len(read.Measurements), len(read.Idle), read.Environment)
	}
	text, _, err := run(t.Context(), "targets", "-json", file)
	if err != nil || !strings.Contains(text, "abacus") || !strings.Contains(text, "targets: ") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, _, err := run(t.Context(), "chart", "-json", file, "-svg", picture); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	inside(t, elements(t, svg))
	if !strings.Contains(string(svg), "benchmark run -fast") {
		t.Error("the picture does not say what made it")
	}
}

func TestBadResults(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"no JSON": "{}x\n", "nothing known": "{\"a\":1}\n"} {
		file := filepath.Join(t.TempDir(), "a.jsonl")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readResults(file); err == nil || !strings.Contains(err.Error(), "a.jsonl:1: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
