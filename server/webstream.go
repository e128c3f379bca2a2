// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net/http"
	"sync"
	"time"
)

// streamWriter bounds how long a client of HTTP/2 takes for each Write of a handler of the
// user's: it says itself how much it will take, for each stream, and may say nothing.
// Between two of them there is no bound.
type streamWriter struct {
	http.ResponseWriter

	control *http.ResponseController
	bound   time.Duration

	mu    sync.Mutex
	timer *time.Timer
	busy  bool // in a Write
}

func newStreamWriter(rw http.ResponseWriter, bound time.Duration) *streamWriter {
	return &streamWriter{ResponseWriter: rw, control: http.NewResponseController(rw), bound: bound}
}

// Write implements http.ResponseWriter.
func (w *streamWriter) Write(p []byte) (int, error) {
	w.begin()
	defer w.end()
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (w *streamWriter) Flush() { _ = w.FlushError() } // as the interface has it

// FlushError is what http.ResponseController calls.
func (w *streamWriter) FlushError() error {
	w.begin()
	defer w.end()
	return w.control.Flush()
}

// Unwrap is for http.ResponseController.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *streamWriter) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.bound, w.expire)
		return
	}
	w.timer.Reset(w.bound)
}

func (w *streamWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	w.timer.Stop()
}

// expire ends the Write that is under way, and the stream.
func (w *streamWriter) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy {
		_ = w.control.SetWriteDeadline(time.Unix(1, 0)) // every stream has one
	}
}

// finish bounds the rest, which is written when the handler has returned.
func (w *streamWriter) finish() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.bound)) // as above
}
