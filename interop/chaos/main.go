// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Chaos shows what becomes of calls when servers fail, of this project and of real rpcx.
// It starts servers as processes on the loopback interface, keeps them under load, kills,
// stops, freezes, slows them and makes them refuse, and prints a table.
//
//	chaos [flags]            faults under load
//	chaos overload [flags]   ten times the load that a server can take
//
// Every call has an id, which servers note in shared memory when they execute it: so it is
// known afterwards what was executed twice, and which error was wrong about it. The
// program fails if this project misses a bar.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/smallnest/rpcx/log"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := serve(os.Args[2:]); err != nil {
			fatal(err)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	log.SetDummyLogger()
	run, args := chaos, os.Args[1:]
	if len(args) > 0 && args[0] == "overload" {
		run, args = overload, args[1:]
	}
	if err := run(ctx, args, os.Stdout); err != nil {
		stop()
		fatal(err)
	}
}

func fatal(err error) {
	warn(err)
	os.Exit(1)
}

func warn(err error) { fmt.Fprintln(os.Stderr, "chaos:", err) }

// chaos is the first part: faults under load.
func chaos(ctx context.Context, args []string, w io.Writer) error {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	s := setting{}
	flags.IntVar(&s.servers, "servers", 3, "processes")
	flags.IntVar(&s.rate, "rate", 5200, "calls per second")
	flags.DurationVar(&s.timeout, "timeout", time.Second, "of a call")
	flags.DurationVar(&s.work, "work", 2*time.Millisecond, "what a handler takes")
	full := flags.Bool("full", false, "all faults under all fail modes")
	only := flags.String("run", "", "scenarios whose fault and fail mode match this `regexp`")
	alone := flags.Bool("alone", false, "without rpcx")
	asJSON := flags.Bool("json", false, "print JSON instead of a table")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.servers < 2 || s.servers > maxServers {
		return fmt.Errorf("%d servers, want 2 to %d", s.servers, maxServers)
	}
	chosen, err := choose(*full, *only)
	if err != nil {
		return err
	}
	fs := frameworks()
	if *alone {
		fs = fs[:1]
	}
	table := w
	if *asJSON {
		table = os.Stderr
	}
	fmt.Fprintf(table, "%d servers, %d calls/s, handlers of %v, deadlines of %v\n\n", s.servers, s.rate, s.work, s.timeout)
	printHead(table)
	var results []*result
	var missed []string
	for _, sc := range chosen {
		cells := make([]*result, len(fs))
		for i, f := range fs {
			if sc.mode.once && f != (ours{}) {
				continue
			}
			if cells[i], err = s.run(ctx, f, sc); err != nil {
				return fmt.Errorf("%s, %s, %s: %w", sc.fault.name, sc.mode, f, err)
			}
			results = append(results, cells[i])
		}
		printRow(table, sc, cells)
		missed = append(missed, cells[0].misses(sc.mode, s.rate)...)
	}
	legend(table, faults())
	if *asJSON {
		if err := json.NewEncoder(w).Encode(results); err != nil {
			return err
		}
	}
	return verdict(table, missed)
}

// verdict says whether the bars are met.
func verdict(w io.Writer, missed []string) error {
	if len(missed) > 0 {
		return errors.New("missed:\n  " + strings.Join(missed, "\n  "))
	}
	fmt.Fprintln(w, "\nall bars are met")
	return nil
}

// choose returns the scenarios of a run.
func choose(full bool, only string) ([]scenario, error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return nil, err
	}
	everything := []mode{
		{failMode: failfast},
		{failMode: failover},
		{failMode: failover, once: true},
		{failMode: failtry},
		{failMode: failtry, once: true},
		{failMode: failbackup},
		{failMode: failbackup, once: true},
	}
	var chosen []scenario
	for _, f := range faults() {
		for _, m := range everything {
			sc := scenario{f, m}
			if (full || only != "" || sc.telling()) && match.MatchString(f.name+", "+m.String()) {
				chosen = append(chosen, sc)
			}
		}
	}
	if chosen == nil {
		return nil, fmt.Errorf("no scenario matches %q", only)
	}
	return chosen, nil
}

// telling reports whether a scenario is part of a run that is not full.
func (sc scenario) telling() bool {
	switch m := sc.mode; sc.fault.name {
	case "SIGTERM":
		return !m.once
	case "kill -9":
		return true
	case "slow":
		return !m.once && (m.failMode == failover || m.failMode == failbackup)
	default:
		return !m.once && (m.failMode == failover || m.failMode == failfast)
	}
}
