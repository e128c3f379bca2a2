// SPDX-License-Identifier: Apache-2.0

//go:build !race

// These tests count on what a sync.Pool keeps. Under the race detector one drops
// things at random.

package server_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/server"
)

// What a call allocates on the server's side, codec and handler apart.
//
//nolint:paralleltest // counts allocations
func TestServerAllocationBudget(t *testing.T) {
	const (
		own    = 2 // arguments and reply, which are the handler's
		budget = 3
	)
	more := map[string]float64{"reflected": 2} // reflect makes slices and boxes of its own
	for _, l := range loads() {
		w := onTCP(t, append(l.opts, server.WithCodec(still{}))...).serve(t)
		c := w.bareClient(t, 1, l.service, l.md)
		for range 100 { // the pools are there
			c.exchange()
		}
		got := testing.AllocsPerRun(500, c.exchange) - own
		t.Logf("%s: %v", l.name, got)
		if most := budget + more[l.name]; got > most {
			t.Errorf("%s: %v allocations, at most %v are allowed", l.name, got, most)
		}
	}
}
