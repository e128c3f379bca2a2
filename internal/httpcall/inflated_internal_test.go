// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rpcx-go/rpcx"
)

// What was inflated is bounded for all requests together, and counted until it is released.
func TestInflatedIsBounded(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(make([]byte, size))
	_ = z.Close()
	ask := func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(packed.Bytes()))
		r.Header.Set("Content-Encoding", "gzip")
		return r
	}
	var in Inflated
	body, release, err := in.Body(ask())
	if err != nil || len(body) != size || in.held.Load() != size {
		t.Fatalf("%d bytes, %v, %d are counted", len(body), err, in.held.Load())
	}
	in.held.Add(maxInflated - size - size/2) // others'
	if _, refused, err := in.Body(ask()); !errors.Is(err, rpcx.ResourceExhausted) || Status(err) != http.StatusTooManyRequests {
		t.Errorf("one too many: %v", err)
	} else {
		refused()
	}
	release()
	if _, release, err = in.Body(ask()); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	release()
	if got := in.held.Load(); got != maxInflated-size-size/2 {
		t.Errorf("%d bytes are counted, want those of others", got)
	}
}
