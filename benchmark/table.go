// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// printTables prints a table per scenario.
func printTables(w io.Writer, sum *summary, p *plan) error {
	for _, g := range sum.groups {
		t := newTable(sum.reference)
		for i := range g.rows {
			t.add(&g.rows[i])
		}
		title := fmt.Sprintf("%s: %s; medians of %s of %v", g.scenario, g.scenario.describe(), plural(p.rounds, "round"), p.timing.duration)
		if _, err := fmt.Fprintf(w, "\n%s\n\n%s", title, t); err != nil {
			return err
		}
	}
	return nil
}

// table is rows of cells: groups of columns, columns, and then the peers. The first
// column is aligned to the left, and the name of a group begins where it does.
type table struct {
	groups []string // beside the columns that they begin at, empty where none begins; nil: none
	cells  [][]string
	notes  []string
}

func newTable(reference string) *table {
	times := "×" + reference
	return &table{
		groups: []string{
			"", "", "", "latency", "", "", "", "", "",
			"CPU µs/call", "", "", "", "allocs/call", "", "RSS MiB", "", "",
		},
		cells: [][]string{{
			"peer", "calls/s", times, "mean", "p50", times, "p99", times, "p99.9",
			"both", times, "server", "client", "server", "client", "server", "client", "errors",
		}},
	}
}

func (t *table) add(r *row) {
	errors := ""
	if r.Errors > 0 {
		errors = fmt.Sprint(r.Errors)
		t.notes = append(t.notes, fmt.Sprintf("%s: first error: %s", r.Peer, r.FirstError))
	}
	if r.Unfinished > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%s: %d calls did not end in time and count with what they had waited", r.Peer, r.Unfinished))
	}
	t.cells = append(t.cells, []string{
		r.Peer, formatCount(r.Throughput), formatRatio(r.ratio.throughput),
		formatMicros(r.Mean), formatMicros(r.P50), formatRatio(r.ratio.p50),
		formatMicros(r.P99), formatRatio(r.ratio.p99), formatMicros(r.P999),
		formatNumber(r.cpu()), formatRatio(r.ratio.cpu), formatNumber(r.Server.CPU), formatNumber(r.Client.CPU),
		formatNumber(r.Server.Allocs), formatNumber(r.Client.Allocs),
		fmt.Sprintf("%.0f", r.Server.RSS), fmt.Sprintf("%.0f", r.Client.RSS), errors,
	})
}

// String returns the aligned table. Columns that are empty are left out.
func (t *table) String() string {
	var head, rest strings.Builder
	for r, row := range t.cells {
		line := " "
		for c, cell := range row {
			width := t.width(c)
			if width == 0 {
				continue
			}
			pad := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
			if c == 0 {
				line += " " + cell + pad
				continue
			}
			if r == 0 && t.groups != nil && t.groups[c] != "" {
				gap := utf8.RuneCountInString(line) + 2 - utf8.RuneCountInString(head.String())
				head.WriteString(strings.Repeat(" ", gap) + t.groups[c])
			}
			line += "  " + pad + cell
		}
		fmt.Fprintln(&rest, strings.TrimRight(line, " "))
		if r == 0 {
			fmt.Fprintln(&rest, "  "+strings.Repeat("-", utf8.RuneCountInString(line)-2))
		}
	}
	for _, n := range t.notes {
		fmt.Fprintln(&rest, "  "+n)
	}
	if head.Len() > 0 {
		head.WriteString("\n")
	}
	return head.String() + rest.String()
}

// width returns the width of a column, 0 if it holds nothing below the head.
func (t *table) width(c int) int {
	most, filled := 0, false
	for r, row := range t.cells {
		most = max(most, utf8.RuneCountInString(row[c]))
		filled = filled || r > 0 && row[c] != ""
	}
	if !filled {
		return 0
	}
	return most
}

// formatCount writes a large number with an apostrophe at the thousands.
func formatCount(v float64) string {
	n := int64(math.Round(v))
	if n < 10_000 {
		return fmt.Sprint(n)
	}
	if n < 1_000_000 {
		return fmt.Sprintf("%d'%03d", n/1000, n%1000)
	}
	return fmt.Sprintf("%d'%03d'%03d", n/1_000_000, n/1000%1000, n%1000)
}

// formatMicros writes microseconds in the unit that suits them, with three digits.
func formatMicros(us float64) string {
	switch {
	case us >= 1e6:
		return formatNumber(us/1e6) + " s "
	case us >= 1e3:
		return formatNumber(us/1e3) + " ms"
	default:
		return formatNumber(us) + " µs"
	}
}

// formatNumber writes a number with three digits that count.
func formatNumber(v float64) string {
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

func formatRatio(v float64) string {
	switch {
	case v == 0:
		return "–"
	case v < 0.0995:
		return fmt.Sprintf("%.3f", v)
	default:
		return formatNumber(v)
	}
}
