// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestGoal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		goal  goal
		value float64
		want  bool
		text  string
	}{
		{atLeast(2), 2, true, "≥ 2.00 ×"},
		{atLeast(2), 1.99, false, "≥ 2.00 ×"},
		{atMost(1.2), 1.2, true, "≤ 1.20 ×"},
		{atMost(1.2), 1.21, false, "≤ 1.20 ×"},
		{goal{8, false, " KiB"}, -1, true, "≤ 8.00 KiB"},
	}
	for _, tt := range tests {
		if got := tt.goal.reached(tt.value); got != tt.want || tt.goal.String() != tt.text {
			t.Errorf("%v with %v: %t, want %t and %q", tt.goal, tt.value, got, tt.want, tt.text)
		}
	}
}

// Of several peers the one counts that does best against us, in medians of the ratios
// within rounds.
func TestRatioTo(t *testing.T) {
	t.Parallel()
	s := scenario{Callers: 5, Conns: 1}
	res := &results{Measurements: []*measurement{
		made("ours", s, 1, 1000), made("arpc", s, 1, 500), made("rpcx", s, 1, 250),
		made("ours", s, 2, 3000), made("arpc", s, 2, 1000), made("rpcx", s, 2, 1500),
		made("ours", s, 3, 2000), made("arpc", s, 3, 1000), made("rpcx", s, 3, 500),
		made("ours", scenario{Callers: 6, Conns: 1}, 1, 1), made("arpc", scenario{Callers: 6, Conns: 1}, 1, 100),
	}}
	both := []string{"rpcx", "arpc", "kitex"}
	found := ratioTo(s, "ours", both, atLeast(1), byThroughput)(res)
	if found == nil || found.to != "arpc" || !near(found.value, 2) {
		t.Errorf("throughput: %+v, want 2 to arpc", found)
	}
	found = ratioTo(s, "ours", both, atMost(1), byP50)(res)
	if found == nil || found.to != "arpc" || !near(found.value, 0.5) {
		t.Errorf("p50: %+v, want 0.5 to arpc", found)
	}
	if found := ratioTo(s, "ours", []string{"kitex"}, atLeast(1), byThroughput)(res); found != nil {
		t.Errorf("%+v of a peer that was not measured", found)
	}
}

// What a handler takes by intention is not counted.
func TestP50AboveTheDelay(t *testing.T) {
	t.Parallel()
	s := scenario{Callers: 5, Conns: 1, Delay: 10 * time.Millisecond}
	m := made("ours", s, 1, 1000)
	m.P50 = 10_400
	if got := byP50(m); !near(got, 400) {
		t.Errorf("%v µs, want 400", got)
	}
}

func TestAllocsBeyond(t *testing.T) {
	t.Parallel()
	s := scenario{Callers: 500, Conns: 10}
	ours, limit := made("ours", s, 1, 1), made("limit-c", s, 1, 1)
	limit.Server.Allocs, limit.Client.Allocs = 9, 13
	for i, want := range []float64{2, 0} {
		find := allocsBeyond(s, bothSides()[i])
		if found := find(&results{Measurements: []*measurement{ours, limit}}); found == nil || found.value != want {
			t.Errorf("%s: %+v, want %v", bothSides()[i].name, found, want)
		}
		if found := find(&results{Measurements: []*measurement{ours}}); found != nil {
			t.Errorf("%+v without limit-c", found)
		}
	}
}

func TestIdleFindings(t *testing.T) {
	t.Parallel()
	cost := func(peer string, server, client float64) *idleCost {
		return &idleCost{Peer: peer, Server: perConn{Heap: server - 1024, Stacks: 1024}, Client: perConn{Heap: client}}
	}
	res := &results{Idle: []*idleCost{cost(sharing, 6144, 3072), cost("rpcx", 8192, 1024), cost("grpc", 4096, 2048), cost("ours-furnished", 10, 10)}}
	tests := []struct {
		side        int
		kib, ratio  float64
		smallestOne string
	}{
		{0, 6, 1.5, "grpc"},
		{1, 3, 3, "rpcx"},
	}
	for _, tt := range tests {
		on := bothSides()[tt.side]
		if found := idleMemory(on)(res); found == nil || !near(found.value, tt.kib) {
			t.Errorf("%s: %+v, want %v KiB", on.name, found, tt.kib)
		}
		if found := idleRatio(on)(res); found == nil || !near(found.value, tt.ratio) || found.to != tt.smallestOne {
			t.Errorf("%s: %+v, want %v to %s", on.name, found, tt.ratio, tt.smallestOne)
		}
		if idleMemory(on)(new(results)) != nil || idleRatio(on)(new(results)) != nil {
			t.Errorf("%s: something of nothing", on.name)
		}
	}
}

func TestPrintTargets(t *testing.T) {
	t.Parallel()
	s := scenario{Callers: 500, Conns: 10}
	var b strings.Builder
	printTargets(&b, &results{Measurements: []*measurement{made("ours", s, 1, 5000), made("rpcx", s, 1, 1000), made("arpc", s, 1, 4000)}})
	for _, want := range []string{
		"targets: 3 of 4 reached, ", "500/10: throughput to rpcx    ≥ 5.00 ×    5.00 ×  rpcx      reached\n",
		"500/10: throughput to arpc    ≥ 2.50 ×    1.25 ×  arpc  not reached\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &b)
		}
	}
	b.Reset()
	printTargets(&b, new(results))
	if b.Len() > 0 {
		t.Errorf("printed of nothing: %s", &b)
	}
}

// Peers that are alike reach what no peer may miss, and nothing else.
func TestAllTargets(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, target := range allTargets() {
		if seen[target.what] {
			t.Errorf("%s: twice", target.what)
		}
		seen[target.what] = true
		found := target.find(suiteResults())
		if found == nil || math.IsNaN(found.value) {
			t.Errorf("%s: %+v", target.what, found)
			continue
		}
		ahead := target.goal.least && target.goal.bound > 1 || target.goal.unit == " ×" && !target.goal.least && target.goal.bound < 1
		if target.goal.reached(found.value) == ahead {
			t.Errorf("%s %s: %v", target.what, target.goal, found.value)
		}
	}
}
