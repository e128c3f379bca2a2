// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asProgram makes the test binary be the program, which runs itself.
const asProgram = "BENCHMARK_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// run runs a command and returns what it prints.
func run(ctx context.Context, args ...string) (out, progress string, err error) {
	var o, e bytes.Buffer
	err = command(ctx, args, stdio{strings.NewReader(""), &o, &e})
	return o.String(), e.String(), err
}

// One run from the flags to the tables, the file and the picture, with processes.
func TestRun(t *testing.T) {
	t.Setenv(asProgram, "1")
	dir := t.TempDir()
	jsonFile, svgFile := filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "a.svg")
	out, progress, err := run(t.Context(), "run", "-peers", "ours,netrpc,limit-c", "-callers", "1,4", "-conns", "2",
		"-rounds", "1", "-duration", "60ms", "-warmup", "10ms", "-ratio", "netrpc",
		"-json", jsonFile, "-svg", svgFile)
	if err != nil {
		t.Fatalf("%v\n%s", err, progress)
	}
	for _, want := range []string{"1/2: 1 caller, 2 connections", "4/2: 4 callers, 2 connections", "×netrpc", "limit-c"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if !strings.Contains(progress, "[6/6] 4/2") || strings.Contains(progress, "FAILED") {
		t.Errorf("progress:\n%s", progress)
	}
	checkResults(t, jsonFile, 6)
	svg, err := os.ReadFile(svgFile)
	if err != nil {
		t.Fatal(err)
	}
	elements(t, svg)
}

// checkResults checks a file of results: every peer did something, at some cost.
func checkResults(t *testing.T, name string, measurements int) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	if len(lines) != measurements+1 {
		t.Fatalf("%d lines, want %d", len(lines), measurements+1)
	}
	var first struct{ Environment environment }
	if err := json.Unmarshal(lines[0], &first); err != nil || first.Environment.Go == "" {
		t.Errorf("environment: %v in %s", err, lines[0])
	}
	for _, line := range lines[1:] {
		var m measurement
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.Errors > 0 || m.Calls == 0 || m.P50 <= 0 || m.P50 > m.P99 || m.P99 > m.P999 || m.P999 > m.Max ||
			m.Client.CPU <= 0 || m.Server.CPU <= 0 || m.Server.Allocs <= 0 || m.Callers == 0 || m.Conns != 2 {
			t.Errorf("implausible: %s", line)
		}
	}
}

// An open loop over real processes, with profiles of both.
func TestRunAtARate(t *testing.T) {
	t.Setenv(asProgram, "1")
	profiles := filepath.Join(t.TempDir(), "profiles")
	out, progress, err := run(t.Context(), "run", "-peers", "ours", "-callers", "8", "-conns", "1", "-rate", "300",
		"-rounds", "1", "-duration", "100ms", "-warmup", "10ms", "-profiles", profiles)
	if err != nil || !strings.Contains(out, "300 calls/s begun") {
		t.Errorf("%v\n%s\n%s", err, out, progress)
	}
	for _, what := range []string{"client-cpu", "server-cpu", "client-allocs", "server-allocs"} {
		name := filepath.Join(profiles, "ours-8-1-rate-300-s-1-"+what+".pprof")
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("profile %s: %v", what, err)
		}
	}
}

// A peer that fails is named at the end, and the others are measured all the same.
func TestRunGoesOn(t *testing.T) {
	t.Setenv(asProgram, "1")
	broken := peer{name: "broken"}
	ours, err := peerNamed("ours")
	if err != nil {
		t.Fatal(err)
	}
	p := &plan{
		peers: []peer{broken, ours}, cells: everybody([]scenario{{Callers: 1, Conns: 1}}), rounds: 1,
		timing: timing{duration: 30e6},
	}
	var progress bytes.Buffer
	var measured []string
	err = p.run(t.Context(), &progress, func(m *measurement) error {
		measured = append(measured, m.Peer)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), `no peer "broken"`) {
		t.Errorf("error %v", err)
	}
	if len(measured) != 1 || measured[0] != "ours" || !strings.Contains(progress.String(), "FAILED") {
		t.Errorf("measured %q\n%s", measured, &progress)
	}
	full := errors.New("disk full")
	if err := p.run(t.Context(), &progress, func(*measurement) error { return full }); !errors.Is(err, full) {
		t.Errorf("nothing can be written: %v", err)
	}
}

func TestRunBrokenOff(t *testing.T) {
	t.Setenv(asProgram, "1")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, _, err := run(ctx, "run", "-peers", "ours", "-callers", "1", "-rounds", "1"); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, args string
		out, err   string // parts of them; err "help": usage was asked for
	}{
		{"nothing", "", "", "help"},
		{"help", "help", "usage: benchmark run", ""},
		{"peers", "peers", "kitex", ""},
		{"unknown", "race", "", `no command "race"`},
		{"flags of run", "run -h", "", "help"},
		{"flags of client", "client -h", "", "help"},
		{"flags of server", "server -h", "", "help"},
		{"unknown peer of client", "client -peer dubbo", "", `no peer "dubbo"`},
		{"unknown peer of server", "server -peer dubbo", "", `no peer "dubbo"`},
		{"flags of idle", "idle -h", "", "help"},
		{"flags of hold", "hold -h", "", "help"},
		{"flags of targets", "targets -h", "", "help"},
		{"flags of chart", "chart -h", "", "help"},
		{"idle without connections", "idle -conns 0", "", "-conns 0"},
		{"idle without calls", "idle -calls 0", "", "-calls 0"},
		{"idle of an unknown peer", "idle -peers dubbo", "", `no peer "dubbo"`},
		{"hold without connections", "hold -conns 0", "", "-conns 0"},
		{"hold of an unknown peer", "hold -peer dubbo", "", `no peer "dubbo"`},
		{"hold of a limit", "hold -peer limit-c", "", "no idle connections"},
		{"hold without a server", "hold -peer netrpc -addr 127.0.0.1:1", "", "refused"},
		{"targets without a file", "targets", "", "no such file"},
		{"chart without a file", "chart", "", "no such file"},
		{"client without callers", "client -callers 0", "", "at least one caller"},
		{"limit with a rate", "client -peer limit-c -rate 5", "", "limit-c cannot do"},
		{"client without a server", "client -peer netrpc -addr 127.0.0.1:1", "", "refused"},
		{"server on a bad address", "server -listen nowhere:-1", "", "invalid port"},
		{"control on a bad address", "server -control nowhere:-1", "", "invalid port"},
		{"file in no folder", "run -quick -json nowhere/a.jsonl", "", "nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, _, err := run(t.Context(), strings.Fields(tt.args)...)
			switch {
			case tt.err == "help":
				if !errors.Is(err, flag.ErrHelp) {
					t.Errorf("error %v", err)
				}
			case tt.err == "":
				if err != nil {
					t.Error(err)
				}
			case err == nil || !strings.Contains(err.Error(), tt.err):
				t.Errorf("error %v, want one with %q", err, tt.err)
			}
			if !strings.Contains(out, tt.out) {
				t.Errorf("%q is missing in %q", tt.out, out)
			}
		})
	}
}

// A server that is tied to who started it ends with it.
func TestTiedServer(t *testing.T) {
	t.Parallel()
	out, _, err := run(t.Context(), "server", "-peer", "netrpc", "-tied")
	var addrs serverAddrs
	if err != nil || json.Unmarshal([]byte(out), &addrs) != nil || addrs.Addr == "" || addrs.Control == "" {
		t.Errorf("%v, %q", err, out)
	}
}
