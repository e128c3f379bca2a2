// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"io"
	"sync"
)

// writer writes in a goroutine of its own, so that who hands it bytes need not
// wait.
type writer struct {
	conn io.Writer
	done sync.WaitGroup

	mu      sync.Mutex // guards what follows
	changed sync.Cond
	pending []byte
	closed  bool
	err     error
}

func newWriter(conn io.Writer) *writer {
	w := &writer{conn: conn}
	w.changed.L = &w.mu
	w.done.Go(w.run)
	return w
}

// write queues a copy of b. It returns the error of an earlier write. What may be
// queued is bounded by what is under way.
func (w *writer) write(b []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, b...)
	w.changed.Signal()
	return w.err
}

// close ends the goroutine once the write under way has returned.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.changed.Signal()
	w.mu.Unlock()
	w.done.Wait()
}

func (w *writer) run() {
	var spare []byte
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.pending) == 0 && !w.closed {
			w.changed.Wait()
		}
		if w.closed || w.err != nil {
			return
		}
		batch := w.pending
		w.pending = spare[:0]
		w.mu.Unlock()
		_, err := w.conn.Write(batch)
		w.mu.Lock()
		spare, w.err = batch, err
	}
}
