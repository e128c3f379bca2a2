// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func planOf(args ...string) (*plan, *runOptions, error) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	o := new(runOptions)
	o.register(flags)
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	p, err := o.plan(flags)
	return p, o, err
}

func TestPlan(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		args      string
		scenarios []string
		peers     int
		rounds    int
		timing    timing
		reference string
	}{
		{"suite", "", names(suite()), len(allPeers()), 5, timing{300 * time.Millisecond, time.Second}, "rpcx"},
		{"quick", "-quick", []string{"1/1", "500/10"}, 7, 2, timing{300 * time.Millisecond, 600 * time.Millisecond}, "rpcx"},
		{
			"quick with changes", "-quick -peers ours -rounds 5 -duration 2s",
			[]string{"1/1", "500/10"},
			1, 5,
			timing{600 * time.Millisecond, 2 * time.Second},
			"ours",
		},
		{
			"one scenario", "-peers ours,rpcx -callers 500 -conns 10 -rounds 5 -duration 2s",
			[]string{"500/10"},
			2, 5,
			timing{600 * time.Millisecond, 2 * time.Second},
			"rpcx",
		},
		{
			"reference", "-delay 10ms -warmup 1ms -ratio arpc",
			[]string{"500/10 delay 10ms"},
			len(allPeers()), 5,
			timing{time.Millisecond, time.Second},
			"arpc",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, o, err := planOf(strings.Fields(tt.args)...)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(p.cells); !slices.Equal(got, tt.scenarios) {
				t.Errorf("scenarios %q, want %q", got, tt.scenarios)
			}
			if len(p.peers) != tt.peers || p.rounds != tt.rounds || p.timing != tt.timing {
				t.Errorf("%d peers, %d rounds, %v; want %d, %d, %v", len(p.peers), p.rounds, p.timing, tt.peers, tt.rounds, tt.timing)
			}
			if got := o.reference(p.peers); got != tt.reference {
				t.Errorf("compared with %s, want %s", got, tt.reference)
			}
		})
	}
}

// The suites keep what they promise about how long they take.
func TestPlanIsBounded(t *testing.T) {
	t.Parallel()
	for args, most := range map[string]time.Duration{"": 20 * time.Minute, "-quick": time.Minute} {
		p, _, err := planOf(strings.Fields(args)...)
		if err != nil {
			t.Fatal(err)
		}
		if n, takes := p.turns(); takes > most {
			t.Errorf("run %s: %d measurements take %v, at most %v are promised", args, n, takes, most)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-peers dubbo":                       `no peer "dubbo"`,
		"-callers x":                         "-callers x",
		"-idle -1":                           "-idle -1",
		"-rounds 0":                          "-rounds 0",
		"-duration 1ms":                      "too short",
		"-peers ours -ratio rpcx":            "-ratio rpcx",
		"-peers limit-c -delay 1ms":          "none of the peers",
		"500 10":                             "flags only",
		"-profiles options.go/folder -quick": "options.go",
	} {
		if _, _, err := planOf(strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run %s: error %v, want one with %q", args, err, want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	new(runOptions).register(flags)
	if err := flags.Parse(strings.Fields("-quick -svg a.svg -json a.jsonl -peers ours,rpcx")); err != nil {
		t.Fatal(err)
	}
	if got := commandLine(flags); got != "go run . run -peers=ours,rpcx -quick=true" {
		t.Errorf("got %q", got)
	}
}

func TestPlanMakesTheFolder(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "b")
	p, _, err := planOf("-quick", "-profiles", folder)
	if err != nil || p.profiles != folder {
		t.Errorf("%v, %v", p, err)
	}
}
