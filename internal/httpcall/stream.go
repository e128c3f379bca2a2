// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"net/http"
	"sync"
	"time"
)

// StreamWriter bounds how long a client of HTTP/2 takes for each Write of a handler of the
// user's: it says itself how much it will take, for each stream, and may say nothing.
// Between two of them there is no bound.
type StreamWriter struct {
	http.ResponseWriter

	control *http.ResponseController
	bound   time.Duration

	mu    sync.Mutex
	timer *time.Timer
	busy  bool // in a Write
}

// NewStreamWriter returns a writer to rw, whose handler calls Finish when it returns.
func NewStreamWriter(rw http.ResponseWriter, bound time.Duration) *StreamWriter {
	return &StreamWriter{ResponseWriter: rw, control: http.NewResponseController(rw), bound: bound}
}

// Write implements http.ResponseWriter.
func (w *StreamWriter) Write(p []byte) (int, error) {
	w.begin()
	defer w.end()
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (w *StreamWriter) Flush() { _ = w.FlushError() } // as the interface has it

// FlushError is what http.ResponseController calls.
func (w *StreamWriter) FlushError() error {
	w.begin()
	defer w.end()
	return w.control.Flush()
}

// Unwrap is for http.ResponseController.
func (w *StreamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *StreamWriter) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.bound, w.expire)
		return
	}
	w.timer.Reset(w.bound)
}

func (w *StreamWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	w.timer.Stop()
}

// expire ends the Write that is under way, and the stream.
func (w *StreamWriter) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy {
		_ = w.control.SetWriteDeadline(time.Unix(1, 0)) // every stream has one
	}
}

// Finish bounds the rest, which is written when the handler has returned.
func (w *StreamWriter) Finish() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.bound)) // as above
}
