// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smallnest/rpcx/log"
)

// The servers of the tests are this program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := serve(os.Args[2:]); err != nil {
			fatal(err)
		}
		return
	}
	log.SetDummyLogger()
	os.Exit(m.Run())
}

// The bars hold under a load that any machine can bear; "make chaos" is for real ones.
func TestBars(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills servers")
	}
	t.Parallel()
	s := setting{servers: 3, rate: 500, timeout: 10 * time.Second, work: 2 * time.Millisecond}
	for _, name := range []string{"SIGTERM, Failfast", "kill -9, Failover", "kill -9, Failover, once", "outage, Failover"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chosen, err := choose(true, "^"+name+"$")
			if err != nil || len(chosen) != 1 {
				t.Fatalf("%v, %v", chosen, err)
			}
			r, err := s.run(t.Context(), ours{}, chosen[0])
			if err != nil {
				t.Fatal(err)
			}
			t.Log(r.cell())
			if r.Calls < s.rate {
				t.Errorf("%d calls were made, want at least %d", r.Calls, s.rate)
			}
			for _, missed := range r.misses(chosen[0].mode, s.rate) {
				t.Error(missed)
			}
		})
	}
}

// Real rpcx is put through the same and judged by the same rules.
func TestTheirsIsJudged(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills servers")
	}
	t.Parallel()
	s := setting{servers: 2, rate: 200, timeout: time.Second, work: time.Millisecond}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := s.run(ctx, theirs{}, scenario{fault{name: "refuse", run: briefly(allRefusing)}, mode{failMode: failfast}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Definite == 0 || r.Failed != r.Definite || r.Untrue != 0 || r.Twice != 0 || !r.Healed {
		t.Errorf("%+v", r)
	}
	if sum := r.Calls - r.Failed; sum <= 0 || r.Attempts < 0.9 {
		t.Errorf("%d calls succeeded, %.2f attempts for each", sum, r.Attempts)
	}
}

// briefly ends a fault early.
func briefly(run func(context.Context, *cluster) error) func(context.Context, *cluster) error {
	return func(ctx context.Context, c *cluster) error {
		ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		return run(ctx, c)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, only string
		full       bool
		want       int
	}{
		{name: "usual", want: 4 + 7 + 2 + 2 + 2 + 2 + 2 + 2},
		{name: "full", full: true, want: 8 * 7},
		{name: "one", only: "^SIGTERM, Failfast$", want: 1},
		{name: "a mode", only: "Failtry, once", want: 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := choose(tt.full, tt.only)
			if err != nil || len(got) != tt.want {
				t.Errorf("%d scenarios, %v, want %d", len(got), err, tt.want)
			}
		})
	}
	for _, only := range []string{"nonsense", "("} {
		if _, err := choose(false, only); err == nil {
			t.Errorf("%q chooses something", only)
		}
	}
}

// What the program is told wrongly it says, and starts nothing.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-servers", "1"}, {"-servers", "9"}, {"-run", "nonsense"}} {
		var out bytes.Buffer
		if err := chaos(t.Context(), args, &out); err == nil || out.Len() > 0 {
			t.Errorf("%v: error %v, printed %q", args, err, &out)
		}
	}
	if err := serve([]string{"-framework", "third"}); err == nil || !strings.Contains(err.Error(), "third") {
		t.Errorf("error %v", err)
	}
	if _, err := openBoard(t.TempDir() + "/none"); err == nil {
		t.Error("a board that is not there can be opened")
	}
}

func TestMisses(t *testing.T) {
	t.Parallel()
	fine := result{Rate: 5200, Calls: 100, Attempts: 1, Healed: true}
	once := mode{failMode: failover, once: true}
	tests := []struct {
		name   string
		fault  string
		mode   mode
		change func(*result)
		says   string // "": fine
	}{
		{"fine", "SIGTERM", mode{failMode: failfast}, func(*result) {}, ""},
		{"failed at a restart", "SIGTERM", mode{failMode: failfast}, func(r *result) { r.Failed, r.Definite = 1, 1 }, "1 calls failed"},
		{"twice at a restart", "SIGTERM", mode{failMode: failover}, func(r *result) { r.Twice = 2 }, "2 calls were executed twice"},
		{"hedged at a restart", "SIGTERM", mode{failMode: failbackup}, func(r *result) { r.Twice = 2 }, ""},
		{"a restart under little load", "SIGTERM", mode{}, func(r *result) { r.Rate = 4000 }, "4000 calls/s"},
		{"failed when killed", "kill -9", mode{failMode: failover}, func(r *result) { r.Failed, r.Unknown = 3, 3 }, "3 calls failed"},
		{"unknown when killed", "kill -9", once, func(r *result) { r.Failed, r.Unknown = 3, 3 }, ""},
		{"unknown under Failfast", "kill -9", mode{failMode: failfast}, func(r *result) { r.Failed, r.Unknown = 3, 3 }, ""},
		{"late when killed", "kill -9", once, func(r *result) { r.Failed, r.Late = 3, 3 }, "waited for their deadline"},
		{"repeated", "kill -9", once, func(r *result) { r.Twice = 1 }, "executed twice"},
		{"repeated, as agreed", "kill -9", mode{failMode: failover}, func(r *result) { r.Twice = 1 }, ""},
		{"a false word", "hang up", once, func(r *result) { r.Untrue = 1 }, "had failed as not executed"},
		{"no word", "slow", once, func(r *result) { r.Unclear = 1 }, "do not say"},
		{"a wrong answer", "slow", once, func(r *result) { r.Wrong = 1 }, "successes were none"},
		{"an answer from nobody", "slow", once, func(r *result) { r.Lost = 1 }, "successes were none"},
		{"without end", "SIGSTOP", once, func(r *result) { r.Hung = 1 }, "did not end"},
		{"slow recovery", "SIGSTOP", once, func(r *result) { r.Recovery = 6 * time.Second }, "recovered after 6s"},
		{"no recovery", "SIGSTOP", once, func(r *result) { r.Healed = false }, "recovered after"},
		{"refused while one is slow", "slow", mode{failMode: failbackup}, func(r *result) { r.Definite = 1 }, "not sent elsewhere"},
		{"refused, and nobody tries again", "slow", mode{failMode: failfast}, func(r *result) { r.Definite = 1 }, ""},
		{"late while one is slow", "slow", mode{failMode: failover}, func(r *result) { r.Late = 1 }, ""},
		{"multiplied", "outage", once, func(r *result) { r.Attempts = 1.3 }, "1.30 attempts"},
		{"multiplied by refusals", "all refuse", once, func(r *result) { r.Attempts = 1.3 }, "1.30 attempts"},
		{"multiplied where one is bad", "refuse", once, func(r *result) { r.Attempts = 1.3 }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := fine
			r.Fault, r.Mode = tt.fault, tt.mode.String()
			tt.change(&r)
			got := r.misses(tt.mode, 5200)
			if tt.says == "" && len(got) > 0 || tt.says != "" && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, tt.says) }) {
				t.Errorf("misses %q, want one that says %q", got, tt.says)
			}
		})
	}
	if err := verdict(&bytes.Buffer{}, []string{"this", "that"}); err == nil || !strings.Contains(err.Error(), "that") {
		t.Errorf("verdict %v", err)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	printHead(&out)
	full := &result{Calls: 1 << 19, Failed: 99_999, Twice: 99_999, Worst: 59 * time.Second, Attempts: 10, Recovery: 9 * time.Second, Healed: true}
	for _, r := range []*result{{}, full, nil} {
		printRow(&out, scenario{faults()[0], mode{failMode: failbackup, once: true}}, []*result{r, r})
	}
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	for _, line := range lines[1:] {
		if got, want := len([]rune(strings.TrimRight(line, " "))), len([]rune(lines[2])); got > want {
			t.Errorf("line %q is %d wide, want at most %d", line, got, want)
		}
	}
	legend(&out, faults())
	for _, f := range faults() {
		if !strings.Contains(out.String(), f.about) {
			t.Errorf("the legend does not explain %s", f.name)
		}
	}
	text, err := json.Marshal(full)
	if err != nil || !strings.Contains(string(text), `"failed":99999`) {
		t.Errorf("%s, %v", text, err)
	}
}
