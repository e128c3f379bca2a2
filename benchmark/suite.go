// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"time"
)

// cell is a scenario and who is measured in it.
type cell struct {
	scenario
	peers []string // names; nil: all
}

// of returns those of ps that are measured in the cell, in their order.
func (c cell) of(ps []peer) []peer {
	var all []peer
	for _, p := range ps {
		if p.fits(c.scenario) && (c.peers == nil || slices.Contains(c.peers, p.name)) {
			all = append(all, p)
		}
	}
	return all
}

// everybody returns a cell with all peers for each scenario.
func everybody(scenarios []scenario) []cell {
	cells := make([]cell, len(scenarios))
	for i, s := range scenarios {
		cells[i] = cell{scenario: s}
	}
	return cells
}

// frameworks returns the names of the other frameworks.
func frameworks() []string { return []string{"rpcx", "grpc", "netrpc", "arpc", "kitex"} }

// suite is the default: what the targets are about, and nothing more. Limits are left
// out where they would say nothing, and variants of this project where they do not differ.
func suite() []cell {
	us := append([]string{"ours"}, frameworks()...)
	beside := func(others ...string) []string { return slices.Concat(us, others) }
	const ms = time.Millisecond
	return []cell{
		{scenario{Callers: 1, Conns: 1}, beside("limit-a", "limit-c", "limit-h")},
		{scenario{Callers: 100, Conns: 10}, beside("limit-c")},
		{scenario{Callers: 500, Conns: 10}, beside("ours-furnished", "ours-vt", "limit-b", "limit-c", "limit-h", "limit-c-vt")},
		{scenario{Callers: 2000, Conns: 10}, beside("limit-c")},
		{scenario{Callers: 5000, Conns: 10}, beside("limit-c")},
		{scenario{Callers: 500, Conns: 500}, beside("limit-c")},
		{scenario{Callers: 100, Conns: 10, Delay: 10 * ms}, us},
		{scenario{Callers: 5000, Conns: 10, Delay: 10 * ms}, us},
		{scenario{Callers: 100, Conns: 10, Delay: 30 * ms}, us},
		{scenario{Callers: 5000, Conns: 10, Delay: 30 * ms}, us},
		{scenario{Callers: 32, Conns: 4, Payload: 64 << 10}, us},
		{scenario{Callers: 8, Conns: 4, Payload: 1 << 20}, us},
	}
}

// quickSuite is the least that says something.
func quickSuite() []scenario {
	return []scenario{{Callers: 1, Conns: 1}, {Callers: 500, Conns: 10}}
}
