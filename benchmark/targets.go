// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"
)

// target is a figure that a run is to reach.
type target struct {
	what string // is measured, and where
	goal goal
	find func(*results) *finding // nil: it was not measured
}

// goal is a bound and its unit.
type goal struct {
	bound float64
	least bool // else most
	unit  string
}

func atLeast(times float64) goal { return goal{times, true, " ×"} }
func atMost(times float64) goal  { return goal{times, false, " ×"} }

func (g goal) reached(v float64) bool {
	if g.least {
		return v >= g.bound
	}
	return v <= g.bound
}

func (g goal) String() string {
	sign := "≤"
	if g.least {
		sign = "≥"
	}
	return fmt.Sprintf("%s %s%s", sign, formatNumber(g.bound), g.unit)
}

// targetList collects targets.
type targetList []target

// ratio adds a target for what a figure of a peer is to that of others: to each of them,
// so that the one counts which does best against it.
func (l *targetList) ratio(s scenario, peer, what string, g goal, figure func(*measurement) float64, against ...string) {
	to := "the best peer"
	if len(against) == 1 {
		to = against[0]
	}
	if peer != "ours" {
		what = peer + ", " + what
	}
	*l = append(*l, target{fmt.Sprintf("%s: %s to %s", s, what, to), g, ratioTo(s, peer, against, g, figure)})
}

// allTargets returns what this project wants to reach on two processors.
func allTargets() []target {
	var l targetList
	at := func(callers, conns int) scenario { return scenario{Callers: callers, Conns: conns} }
	throughput := func(s scenario, times float64, against ...string) {
		l.ratio(s, "ours", "throughput", atLeast(times), byThroughput, against...)
	}
	cpu := func(s scenario, times float64, against ...string) {
		l.ratio(s, "ours", "CPU per call", atMost(times), (*measurement).cpu, against...)
	}
	throughput(at(500, 10), 5, "rpcx")
	throughput(at(500, 10), 2.5, "netrpc")
	throughput(at(500, 10), 2.5, "arpc")
	throughput(at(500, 10), 6, "grpc")
	throughput(at(500, 10), 0.65, "limit-c")
	cpu(at(500, 10), 0.25, "rpcx")
	cpu(at(500, 10), 0.4, "netrpc")
	l.ratio(at(500, 10), "ours", "p99", atMost(0.3), func(m *measurement) float64 { return m.P99 }, "rpcx")
	for _, callers := range []int{100, 2000, 5000} {
		throughput(at(callers, 10), 3.5, "rpcx")
		throughput(at(callers, 10), 2, frameworks()...)
	}
	l.ratio(at(1, 1), "ours", "p50", atMost(0.75), byP50, "rpcx")
	l.ratio(at(1, 1), "ours", "p50", atMost(1), byP50, frameworks()...)
	l.ratio(at(1, 1), "ours", "p50", atMost(1.2), byP50, "limit-c")
	throughput(at(500, 500), 1, frameworks()...)
	cpu(at(500, 500), 1, frameworks()...)
	l.ratio(at(500, 10), "ours-vt", "throughput", atLeast(0.5), byThroughput, "limit-c-vt")
	for _, delay := range []time.Duration{10 * time.Millisecond, 30 * time.Millisecond} {
		for _, callers := range []int{100, 5000} {
			s := scenario{Callers: callers, Conns: 10, Delay: delay}
			l.ratio(s, "ours", "p50 above the delay", atMost(1), byP50, frameworks()...)
		}
	}
	throughput(scenario{Callers: 32, Conns: 4, Payload: 64 << 10}, 1, frameworks()...)
	throughput(scenario{Callers: 8, Conns: 4, Payload: 1 << 20}, 1, frameworks()...)
	l.ratio(at(500, 10), "ours-furnished", "throughput", atLeast(0.85), byThroughput, "ours")
	l.ratio(at(500, 10), "ours-furnished", "CPU per call", atMost(1.15), (*measurement).cpu, "ours")
	for _, on := range bothSides() {
		l = append(l, target{"500/10: allocations per call beyond limit-c's, " + on.name, goal{3, false, ""}, allocsBeyond(at(500, 10), on)})
	}
	for _, on := range bothSides() {
		l.ratio(at(5000, 10), "ours", "RSS of the "+on.name, atMost(1), func(m *measurement) float64 { return on.of(m).RSS }, frameworks()...)
	}
	for _, on := range bothSides() {
		l = append(l,
			target{"idle: memory of a connection, " + on.name, goal{8, false, " KiB"}, idleMemory(on)},
			target{"idle: that to the best peer, " + on.name, atMost(1), idleRatio(on)})
	}
	return l
}
