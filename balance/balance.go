// SPDX-License-Identifier: Apache-2.0

// Package balance chooses the server of a call. A [Policy] makes an immutable
// [Picker] for each set of servers that discovery reports; picking takes no lock.
// Each policy is a file.
package balance

import (
	"context"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// Policy is a way to choose.
type Policy interface {
	// NewPicker returns a picker for a set of servers, which is not empty, has no
	// duplicates and does not change.
	NewPicker(set []registry.Instance) Picker
}

// Picker chooses among the servers of one set. Its methods are called concurrently,
// must not block and do no I/O.
type Picker interface {
	// Pick returns the index in the set of the server that the call should go to.
	// usable reports whether a server may be chosen: it was not tried for this call
	// and is not known to be down. When no server is usable Pick returns -1.
	Pick(ctx context.Context, call *rpcx.Call, usable func(i int) bool) int
}

// from returns the first usable index at or after start, going round; -1 if there
// is none among n.
func from(start, n int, usable func(int) bool) int {
	for i := range n {
		if at := (start + i) % n; usable(at) {
			return at
		}
	}
	return -1
}
