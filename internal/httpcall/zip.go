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
	"sync/atomic"

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

const (
	// inflatedLimit is to how much a body is inflated that nobody has set a limit for.
	inflatedLimit = 16 << 20
	// maxInflated is how much all bodies may have together that were inflated, where no
	// Total says so: a body may be a thousandth of what it becomes.
	maxInflated = 256 << 20
)

// Inflated counts the bodies that were inflated and are still used, and that no Total
// counts. The zero value is ready for use.
type Inflated struct{ held atomic.Int64 }

var errInflated = rpcx.Errorf(rpcx.ResourceExhausted, "compressed bodies have %d bytes already, which is as much as may be", maxInflated).NotExecuted()

// Body is the function Body for one that may be compressed with gzip. It is inflated to no
// more than the Limit of r.Body, which is Bounds.Body, and 16 MiB without. release must be
// called when the body is not used any more.
func (i *Inflated) Body(r *http.Request) (body []byte, release func(), err error) {
	release = func() {}
	switch encoding := r.Header.Get("Content-Encoding"); {
	case encoding == "" || strings.EqualFold(encoding, "identity"):
		body, err = Body(r)
		return body, release, err
	case !strings.EqualFold(encoding, "gzip"):
		return nil, release, rpcx.Errorf(rpcx.InvalidArgument, "%w %q, want gzip or none", ErrEncoding, encoding).NotExecuted()
	}
	limit := int64(inflatedLimit)
	if bounded, ok := r.Body.(interface{ Limit() int64 }); ok {
		limit = bounded.Limit()
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		body, err = Body(&http.Request{Body: failing{err}})
		return body, release, err
	}
	c := &counted{Reader: z, add: i.add, release: i.release}
	if held, ok := r.Body.(*Held); ok {
		c.add, c.release = held.add, func(int) {} // Held.Release does
	}
	body, err = Body(&http.Request{Body: http.MaxBytesReader(nil, io.NopCloser(c), limit)})
	return body, func() { c.release(c.n) }, err
}

func (i *Inflated) add(n int) error {
	if i.held.Add(int64(n)) > maxInflated {
		return errInflated
	}
	return nil
}

func (i *Inflated) release(n int) { i.held.Add(-int64(n)) }

// counted counts what is read.
type counted struct {
	io.Reader

	add     func(n int) error
	release func(n int)
	n       int
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	if over := c.add(n); over != nil {
		return n, over
	}
	return n, err
}

// ErrEncoding is matched by the error of Inflated.Body for one that is encoded otherwise.
var ErrEncoding = errors.New("content encoding")

// failing is a body that cannot be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
func (failing) Close() error               { return nil }
