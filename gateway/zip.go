// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// zipThreshold is the length over which a reply is compressed, as in frames.
const zipThreshold = 1024

// zips keeps compressors for use again: each has some hundred KiB.
type zips struct{ pool sync.Pool }

// write answers with a payload, compressed if it is long and the client takes that.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, status int, media string, payload []byte) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Add("Vary", "Accept-Encoding")
	if len(payload) <= zipThreshold || !takesGzip(r.Header) {
		w.Header().Set("Content-Length", strconv.Itoa(len(payload)))
		w.WriteHeader(status)
		_, _ = w.Write(payload) // a client that has left does not read it
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z, ok := h.zips.pool.Get().(*gzip.Writer)
	if !ok {
		z = gzip.NewWriter(io.Discard)
	}
	z.Reset(w)
	_, _ = z.Write(payload) // as above
	_ = z.Close()
	z.Reset(io.Discard)
	h.zips.pool.Put(z)
}

// takesGzip reports whether a client accepts gzip.
func takesGzip(h http.Header) bool {
	for _, line := range h.Values("Accept-Encoding") {
		for each := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(strings.TrimSpace(each), ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(params), "q="), 64)
				return err != nil || q > 0
			}
		}
	}
	return false
}
