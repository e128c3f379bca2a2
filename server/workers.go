// SPDX-License-Identifier: Apache-2.0

package server

import (
	"sync"
	"sync/atomic"
)

// workers runs the calls of methods that are slow. Its goroutines are kept for a
// while: a stack that has grown once need not grow again for the next call.
type workers struct {
	limit int64
	busy  atomic.Int64 // calls that run, those whose turn was taken away included
	given atomic.Int64 // calls that ever got a goroutine
	begun atomic.Int64 // those of them that a processor has begun to run

	mu     sync.Mutex // guards what follows
	idle   []*worker  // the last one was used last
	low    int        // fewest idle ones since the last trim
	closed bool
}

type worker struct {
	calls chan *inbound // holds one
}

// reserve takes one of the places for running calls.
func (w *workers) reserve() bool {
	if w.busy.Add(1) > w.limit {
		w.busy.Add(-1)
		return false
	}
	return true
}

// full reports whether as much as the given share of the places is taken.
func (w *workers) full(share float64) bool {
	return float64(w.busy.Load()) >= max(share*float64(w.limit), 1)
}

// queued returns how many calls have a goroutine and wait for a processor.
func (w *workers) queued() int { return int(w.given.Load() - w.begun.Load()) }

// reserveAnyway takes a place though there may be none.
func (w *workers) reserveAnyway() { w.busy.Add(1) }

func (w *workers) unreserve() { w.busy.Add(-1) }

// run runs in on another goroutine. It reports false when too many run.
func (w *workers) run(in *inbound) bool {
	if !w.reserve() {
		return false
	}
	w.given.Add(1)
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		wk := w.idle[n-1]
		w.idle = w.idle[:n-1]
		w.low = min(w.low, n-1)
		w.mu.Unlock()
		wk.calls <- in
		return true
	}
	w.mu.Unlock()
	wk := &worker{calls: make(chan *inbound, 1)}
	wk.calls <- in
	go wk.loop(w)
	return true
}

// loop runs calls until the worker is not kept.
func (wk *worker) loop(w *workers) {
	for in := range wk.calls {
		w.begun.Add(1)
		kept := true
		for in != nil {
			in, kept = in.workAlone(wk)
		}
		if !kept {
			return
		}
	}
}

// keep puts a worker aside that is idle, or will be in a moment: the next call waits for
// it in its channel.
func (w *workers) keep(wk *worker) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.idle = append(w.idle, wk)
	return true
}

// trim lets go of the workers that were never needed since the last time.
func (w *workers) trim() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, wk := range w.idle[:w.low] {
		close(wk.calls)
	}
	w.idle = append(w.idle[:0], w.idle[w.low:]...)
	w.low = len(w.idle)
}

// close lets go of all idle workers, and of the others when their call has ended.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, wk := range w.idle {
		close(wk.calls)
	}
	w.idle, w.low = nil, 0
}
