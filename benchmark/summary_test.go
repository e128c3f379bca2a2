// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	tests := []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{7}, 7},
		{[]float64{9, 1}, 5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 100, 2}, 3},
	}
	for _, tt := range tests {
		if got := median(tt.values); got != tt.want {
			t.Errorf("median of %v = %v, want %v", tt.values, got, tt.want)
		}
	}
	values := []float64{3, 1, 2}
	median(values)
	if values[0] != 3 {
		t.Error("median sorts what it was given")
	}
}

// made returns a measurement whose figures follow from its throughput.
func made(name string, s scenario, round int, throughput float64) *measurement {
	return &measurement{
		Peer: name, scenario: s, Round: round, Seconds: 1, Calls: int64(throughput), Throughput: throughput,
		Mean: 1e6 / throughput, P50: 2e6 / throughput, P99: 3e6 / throughput, P999: 4e6 / throughput, Max: 5e6 / throughput,
		Client: perCall{CPU: 1e5 / throughput, Allocs: 13, Bytes: 700, RSS: 50},
		Server: perCall{CPU: 2e5 / throughput, Allocs: 11, Bytes: 600, RSS: 40},
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9*math.Abs(b) }

// A machine that is three times as quick in one round changes no ratio.
func TestRatiosAreWithinRounds(t *testing.T) {
	t.Parallel()
	s := scenario{Callers: 5, Conns: 1}
	sum := summarize([]*measurement{
		made("ours", s, 1, 2000), made("rpcx", s, 1, 1000),
		made("ours", s, 2, 6000), made("rpcx", s, 2, 3000),
		made("ours", s, 3, 2200), made("rpcx", s, 3, 1100),
	}, "rpcx")
	if len(sum.groups) != 1 || len(sum.groups[0].rows) != 2 {
		t.Fatalf("%+v", sum)
	}
	r := sum.groups[0].rows[0]
	if r.Peer != "ours" || r.rounds != 3 || r.Calls != 10200 {
		t.Errorf("%s, %d rounds, %d calls", r.Peer, r.rounds, r.Calls)
	}
	if r.Throughput != 2200 || !near(r.P99, 3e6/2200) || !near(r.Client.CPU, 1e5/2200) || r.Server.Allocs != 11 || r.Client.RSS != 50 {
		t.Errorf("medians %+v", r.measurement)
	}
	if !near(r.ratio.throughput, 2) || !near(r.ratio.p50, 0.5) || !near(r.ratio.p99, 0.5) || !near(r.ratio.cpu, 0.5) {
		t.Errorf("ratios %+v, want 2, 0.5, 0.5, 0.5", r.ratio)
	}
	if own := sum.groups[0].rows[1].ratio; !near(own.throughput, 1) || !near(own.cpu, 1) {
		t.Errorf("the reference is %+v of itself", own)
	}
}

// A round in which the reference failed has no ratio; errors of all rounds add up.
func TestSummaryWithFailures(t *testing.T) {
	t.Parallel()
	s := scenario{Callers: 5, Conns: 1}
	bad := made("ours", s, 2, 500)
	bad.Errors, bad.FirstError, bad.Unfinished = 3, "refused", 2
	worse := made("ours", s, 3, 400)
	worse.Errors, worse.FirstError = 1, "lost"
	sum := summarize([]*measurement{
		made("ours", s, 1, 3000), bad, worse, made("rpcx", s, 1, 1000),
		made("ours", scenario{Callers: 9, Conns: 1}, 1, 3000),
	}, "rpcx")
	r := sum.groups[0].rows[0]
	if r.Errors != 4 || r.FirstError != "refused" || r.Unfinished != 2 || r.Throughput != 500 || !near(r.ratio.throughput, 3) {
		t.Errorf("%+v", r)
	}
	if got := sum.groups[1].rows[0].ratio; got != (ratios{}) {
		t.Errorf("ratios %+v without a reference", got)
	}
	if empty := summarize(nil, "rpcx"); len(empty.groups) != 0 {
		t.Errorf("%+v of nothing", empty)
	}
}

// Scenarios and peers stand in the order in which they were measured.
func TestSummaryOrder(t *testing.T) {
	t.Parallel()
	big, small := scenario{Callers: 50, Conns: 1}, scenario{Callers: 5, Conns: 1}
	sum := summarize([]*measurement{
		made("zeta", big, 1, 1), made("alpha", big, 1, 1), made("zeta", big, 2, 1), made("alpha", big, 2, 1), made("alpha", small, 1, 1),
	}, "alpha")
	if sum.groups[0].scenario != big || sum.groups[1].scenario != small || sum.groups[0].rows[0].Peer != "zeta" || len(sum.groups[0].rows) != 2 {
		t.Errorf("%+v", sum)
	}
}
