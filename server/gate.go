// SPDX-License-Identifier: Apache-2.0

package server

import (
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
)

// gate keeps the calls of a method that has too many out for a moment, so that others are
// refused soon. Go looks for what has come in on connections when no goroutine is left to
// run, and otherwise every 10 ms, and then whoever reads takes its place at the end. While
// every reader that gets to run lets another few calls in, there is always one left. So once
// a call was refused, none is let in until as many have begun to run as were let in before:
// by then the readers are next.
//
// Where calls wait for something else they begin at once, and the gate is open.
type gate struct {
	after [3]atomic.Int64 // by priority: how many calls have to begin
}

// open reports whether calls of the given priority may be let in.
func (g *gate) open(p rpcx.Priority, w *workers) bool {
	return w.begun.Load() >= g.after[p-rpcx.LowPriority].Load()
}

// close closes the gate for calls of the given priority, of which one was refused, and for
// those of lower ones.
func (g *gate) close(p rpcx.Priority, w *workers) {
	given := w.given.Load()
	for q := rpcx.LowPriority; q <= p; q++ {
		g.after[q-rpcx.LowPriority].Store(given)
	}
}
