// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// The table has a line for each scenario, and the frameworks side by side.
const cellTitles = "  calls  failed unknown   twice   worst  tries recover"

func printHead(w io.Writer) {
	fmt.Fprintf(w, "%-27s│ %-*s│ %s\n", "", len(cellTitles)+1, "ours", "rpcx v1.9.4")
	fmt.Fprintf(w, "%-11s%-16s│%s  │%s\n", "fault", "fail mode", cellTitles, cellTitles)
	line := strings.Repeat("─", len(cellTitles)+2)
	fmt.Fprintf(w, "%s┼%s┼%s\n", strings.Repeat("─", 27), line, line)
}

func printRow(w io.Writer, sc scenario, cells []*result) {
	fmt.Fprintf(w, "%-11s%-16s", sc.fault.name, sc.mode)
	for _, r := range cells {
		fmt.Fprintf(w, "│%s  ", r.cell())
	}
	fmt.Fprintln(w)
}

// cell returns a result as a part of a line; r may be nil.
func (r *result) cell() string {
	if r == nil {
		return fmt.Sprintf("%*s", len(cellTitles), "has no such mode")
	}
	recovery := "never"
	if r.Healed {
		recovery = fmt.Sprintf("%.1f s", r.Recovery.Seconds())
	}
	return fmt.Sprintf("%7d %7d %7d %7d %7s %6.2f %7s",
		r.Calls, r.Failed, r.Failed-r.Definite, r.Twice, short(r.Worst), r.Attempts, recovery)
}

// short returns d with at most three digits.
func short(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// legend explains the table.
func legend(w io.Writer, fs []fault) {
	fmt.Fprint(w, `
failed   calls that ended with an error, with a wrong answer or not at all
unknown  of these, those whose error does not say that they were not executed
twice    calls that servers executed more than once, by their ids
worst    the longest call, from when it was due
tries    sent requests and failed dials for each call, while the fault lasted
recover  from the end of the fault until no call fails and all servers share the load
once     calls are declared not to be idempotent

`)
	for _, f := range fs {
		fmt.Fprintf(w, "%-10s %s\n", f.name, f.about)
	}
}
