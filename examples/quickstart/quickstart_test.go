// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/examples/internal/programtest"
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
	addr := programtest.FreeAddr(t)
	var programs []string
	for _, name := range []string{"server", "client"} {
		programs = append(programs, programtest.Build(t, name, "127.0.0.1:8972", addr))
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
		break
	}
	if out, err := exec.CommandContext(ctx, programs[0]).CombinedOutput(); err == nil || !bytes.Contains(out, []byte(addr)) {
		t.Errorf("a second server on the port printed %q, %v", out, err)
	}
}
