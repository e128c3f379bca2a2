// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"io"
	"net/http"
	"sync/atomic"
)

// Total bounds how many bytes the bodies of all requests have together: they are read
// before anybody is asked who he is. The zero value lets nothing in.
type Total struct {
	limit int64
	full  error
	held  atomic.Int64
}

// NewTotal returns a bound of limit bytes. full is what a body is refused with that has no
// room, an *rpcx.Error.
func NewTotal(limit int64, full error) *Total { return &Total{limit: limit, full: full} }

// Hold counts what is read of a request's body, and what that is inflated to (Inflated),
// until it is released.
func (t *Total) Hold(r *http.Request) *Held {
	h := &Held{ReadCloser: r.Body, total: t}
	r.Body = h
	return h
}

// Reserve counts n bytes in advance, if there is room for them, until they are given back.
func (t *Total) Reserve(n int64) error {
	if t.held.Add(n) <= t.limit {
		return nil
	}
	t.held.Add(-n)
	return t.full
}

// Return gives back what was reserved.
func (t *Total) Return(n int64) { t.held.Add(-n) }

// add counts n bytes, and says when they are too many.
func (t *Total) add(n int) error {
	if t.held.Add(int64(n)) > t.limit {
		return t.full
	}
	return nil
}

// Held is the body of a request that is counted in a Total.
type Held struct {
	io.ReadCloser

	total   *Total
	size    int64
	refused error
}

// Read implements io.Reader.
func (h *Held) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if over := h.add(n); over != nil {
		return n, over
	}
	return n, err
}

func (h *Held) add(n int) error {
	h.size += int64(n)
	if over := h.total.add(n); over != nil {
		h.refused = over
	}
	return h.refused
}

// Limit returns how long the body may be.
func (h *Held) Limit() int64 {
	if bounded, ok := h.ReadCloser.(interface{ Limit() int64 }); ok {
		return bounded.Limit()
	}
	return inflatedLimit
}

// Refused returns what the body was refused with, nil if there was room for it.
func (h *Held) Refused() error { return h.refused }

// Release gives back what was counted. The body must not be used any more.
func (h *Held) Release() { h.total.Return(h.size) }
