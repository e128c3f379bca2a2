// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"
)

func TestPrintTables(t *testing.T) {
	t.Parallel()
	s := scenario{Callers: 500, Conns: 10}
	var all []*measurement
	for round := 1; round <= 2; round++ {
		all = append(all,
			made("ours", s, round, 123456), made("rpcx", s, round, 25000),
			made("limit-b", s, round, 2_000_000))
	}
	var b strings.Builder
	p := &plan{rounds: 2, timing: timing{duration: time.Second}}
	if err := printTables(&b, summarize(all, "rpcx"), p); err != nil {
		t.Fatal(err)
	}
	const want = `
500/10: 500 callers, 10 connections, 581-byte message; medians of 2 rounds of 1s

                             latency                                           CPU µs/call                  allocs/call     RSS MiB
  peer       calls/s  ×rpcx     mean      p50  ×rpcx      p99  ×rpcx    p99.9  both  ×rpcx  server  client  server  client  server  client
  ----------------------------------------------------------------------------------------------------------------------------------------
  ours       123'456   4.94  8.10 µs  16.2 µs   0.20  24.3 µs   0.20  32.4 µs  2.43   0.20    1.62    0.81    11.0    13.0      40      50
  rpcx        25'000   1.00  40.0 µs  80.0 µs   1.00   120 µs   1.00   160 µs  12.0   1.00    8.00    4.00    11.0    13.0      40      50
  limit-b  2'000'000   80.0  0.50 µs  1.00 µs  0.013  1.50 µs  0.013  2.00 µs  0.15  0.013    0.10    0.05    11.0    13.0      40      50
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Columns that nobody needs are not there; what went wrong is.
func TestTableNotes(t *testing.T) {
	t.Parallel()
	s := scenario{Callers: 5, Conns: 1}
	bad := made("ours", s, 1, 1000)
	bad.Errors, bad.FirstError, bad.Unfinished = 3, "refused", 7
	tab := newTable("ours")
	for _, g := range summarize([]*measurement{bad, made("rpcx", s, 1, 500)}, "ours").groups {
		for i := range g.rows {
			tab.add(&g.rows[i])
		}
	}
	text := tab.String()
	for _, want := range []string{"errors\n", "  3\n", "ours: first error: refused\n", "ours: 7 calls did not end in time"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	tab = newTable("ours")
	tab.add(&row{measurement: *made("ours", s, 1, 1000)})
	if text := tab.String(); strings.Contains(text, "errors") || !strings.Contains(text, "–") {
		t.Errorf("want no column of errors, and a dash where there is no ratio:\n%s", text)
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	tests := []struct{ got, want string }{
		{formatCount(0), "0"},
		{formatCount(9999.4), "9999"},
		{formatCount(9999.5), "10'000"},
		{formatCount(1234567), "1'234'567"},
		{formatMicros(0.5), "0.50 µs"},
		{formatMicros(999), "999 µs"},
		{formatMicros(1000), "1.00 ms"},
		{formatMicros(12345), "12.3 ms"},
		{formatMicros(2.5e6), "2.50 s "},
		{formatNumber(9.99), "9.99"},
		{formatNumber(9.996), "10.0"},
		{formatNumber(99.96), "100"},
		{formatRatio(0), "–"},
		{formatRatio(0.05), "0.050"},
		{formatRatio(2), "2.00"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
