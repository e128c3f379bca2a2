// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	want := []string{
		`server    tcp@127\.0\.0\.1:\d+ +serves Arith`,
		`call      Mul\(10, 20\) +200`,
		`call      Div\(84, 2\) +42`,
		`error     Div\(1, 0\) +invalid argument: division by zero`,
		`deadline  Sleep\(\) +deadline exceeded after \d+m?s.*; the handler stopped after .*s`,
		`burst     Mul\(6, 7\) by 64 callers +\d+ calls/s on one connection`,
		`shutdown  tcp@127\.0\.0\.1:\d+ +every call was answered`,
	}
	out, err := exec.CommandContext(t.Context(), "go", "run", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if !regexp.MustCompile(`^` + strings.Join(want, `\n`) + `\n$`).Match(out) {
		t.Errorf("the demo printed\n%s\nwant\n%s", out, strings.Join(want, "\n"))
	}
}

// The programs that the README shows work as they are, on a port that is free.
func TestServerAndClient(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	var programs []string
	for _, name := range []string{"server", "client"} {
		text, err := os.ReadFile(filepath.Join(name, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, build(t, name, strings.ReplaceAll(string(text), "127.0.0.1:8972", addr)))
	}

	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	server := exec.CommandContext(ctx, programs[0])
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		_ = server.Wait() // it was killed
	}()
	for {
		out, err := exec.CommandContext(ctx, programs[1]).CombinedOutput()
		if err != nil && ctx.Err() == nil && bytes.Contains(out, []byte("connection refused")) {
			continue // the server does not listen yet
		}
		if err != nil || string(out) != "10 * 20 = 200\n" {
			t.Errorf("the client printed %q, %v", out, err)
		}
		return
	}
}

// build compiles a program within this module and returns where it is.
func build(t *testing.T, name string, text string) string {
	t.Helper()
	dir := t.TempDir()
	source, program := filepath.Join(dir, name+".go"), filepath.Join(dir, name)
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v:\n%s", name, err, out)
	}
	return program
}

func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
