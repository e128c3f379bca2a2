// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
	"time"
)

func TestSuites(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(suite(), everybody(quickSuite())) {
		if err := c.check(); err != nil {
			t.Error(err)
		}
		for _, name := range c.peers {
			p, err := peerNamed(name)
			if err != nil {
				t.Errorf("%s: %v", c, err)
			} else if !p.fits(c.scenario) {
				t.Errorf("%s: %s cannot do it", c, name)
			}
		}
	}
}

func TestCellPeers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cell cell
		ps   string
		want []string
	}{
		{"all", cell{scenario: scenario{Callers: 5, Conns: 5}}, "rpcx,limit-a,ours", []string{"rpcx", "limit-a", "ours"}},
		{"some", cell{scenario{Callers: 5, Conns: 5}, []string{"ours", "rpcx"}}, "rpcx,limit-a,ours", []string{"rpcx", "ours"}},
		{"none of them", cell{scenario{Callers: 5, Conns: 5}, []string{"ours"}}, "rpcx", nil},
		{"what does not fit", cell{scenario: scenario{Callers: 5, Conns: 1, Delay: time.Second}}, "limit-c,arpc", []string{"arpc"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ps, err := peersNamed(tt.ps)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range tt.cell.of(ps) {
				got = append(got, p.name)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The suite has all that targets are about: made-up results of it leave none open.
func TestSuiteServesTargets(t *testing.T) {
	t.Parallel()
	res := suiteResults()
	for _, target := range allTargets() {
		if target.find(res) == nil {
			t.Errorf("%s: not measured", target.what)
		}
	}
}

// suiteResults returns results of the suite in which all peers are alike.
func suiteResults() *results {
	res := new(results)
	for _, c := range suite() {
		for _, p := range c.of(allPeers()) {
			m := made(p.name, c.scenario, 1, 10_000)
			m.P50 += micros(c.Delay)
			res.Measurements = append(res.Measurements, m)
		}
	}
	for _, p := range idlePeers(allPeers()) {
		costs := perConn{Heap: 4096, Stacks: 2048, RSS: 8192}
		res.Idle = append(res.Idle, &idleCost{Peer: p.name, Conns: 10, Client: costs, Server: costs})
	}
	return res
}
