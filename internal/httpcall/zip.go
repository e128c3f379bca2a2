// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/rpcx-go/rpcx"
)

// zipThreshold is the length over which a reply is compressed, as in frames.
const zipThreshold = 1024

// Zips keeps compressors for use again: each has some hundred KiB. The zero value is
// ready for use.
type Zips struct{ pool sync.Pool }

// Write answers with a payload, compressed if it is long and the client takes that.
func (zips *Zips) Write(w http.ResponseWriter, r *http.Request, status int, media string, payload []byte) {
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
	z, ok := zips.pool.Get().(*gzip.Writer)
	if !ok {
		z = gzip.NewWriter(io.Discard)
	}
	z.Reset(w)
	_, _ = z.Write(payload) // as above
	_ = z.Close()
	z.Reset(io.Discard)
	zips.pool.Put(z)
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

// inflatedLimit is to how much a body is inflated that nobody has set a limit for.
const inflatedLimit = 16 << 20

// InflatedBody is Body for one that may be compressed with gzip. It is inflated to no more
// than Bounds.Body, 16 MiB without Bounds.
func InflatedBody(r *http.Request) ([]byte, error) {
	switch encoding := r.Header.Get("Content-Encoding"); {
	case encoding == "" || strings.EqualFold(encoding, "identity"):
		return Body(r)
	case !strings.EqualFold(encoding, "gzip"):
		return nil, rpcx.Errorf(rpcx.InvalidArgument, "%w %q, want gzip or none", ErrEncoding, encoding).NotExecuted()
	}
	limit := int64(inflatedLimit)
	if p, ok := r.Body.(*patience); ok {
		limit = p.limit
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return Body(&http.Request{Body: failing{err}})
	}
	return Body(&http.Request{Body: http.MaxBytesReader(nil, io.NopCloser(z), limit)})
}

// ErrEncoding is matched by the error of InflatedBody for one that is encoded otherwise.
var ErrEncoding = errors.New("content encoding")

// failing is a body that cannot be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
func (failing) Close() error               { return nil }
