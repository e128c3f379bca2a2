// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rpcx-go/rpcx"
)

// Bodies are bounded together, as they come and as they are inflated, and counted until
// they are released.
func TestTotal(t *testing.T) {
	t.Parallel()
	const size, limit = 1 << 20, 3<<20 - 1
	full := rpcx.Errorf(rpcx.Unavailable, "full")
	plain := make([]byte, size)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(plain)
	_ = z.Close()
	for name, c := range map[string]struct {
		body     []byte
		encoding string
	}{"plain": {plain, ""}, "inflated": {packed.Bytes(), "gzip"}} {
		total := NewTotal(limit, full)
		ask := func() (*Held, error) {
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(c.body))
			r.Header.Set("Content-Encoding", c.encoding)
			held := total.Hold(r)
			_, release, err := new(Inflated).Body(r)
			release()
			return held, err
		}
		first, err := ask()
		if err != nil || total.held.Load() < size {
			t.Fatalf("%s: %v, %d bytes are counted", name, err, total.held.Load())
		}
		second, err := ask()
		if err != nil || second.Refused() != nil {
			t.Fatalf("%s: the second: %v", name, err)
		}
		third, err := ask()
		if !errors.Is(err, rpcx.Unavailable) || !errors.Is(third.Refused(), rpcx.Unavailable) {
			t.Errorf("%s: one too many: %v", name, err)
		}
		third.Release()
		first.Release()
		last, err := ask()
		if err != nil {
			t.Errorf("%s: when there is room again: %v", name, err)
		}
		last.Release()
		second.Release()
		if got := total.held.Load(); got != 0 {
			t.Errorf("%s: %d bytes are still counted", name, got)
		}
	}
}

// A body is inflated to what it may have, also when it is counted.
func TestInflatedKeepsTheBound(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(make([]byte, 2000))
	_ = z.Close()
	r := httptest.NewRequest(http.MethodPost, "/", &packed)
	r.Header.Set("Content-Encoding", "gzip")
	_, r = Bounds{Body: 1000}.Hold(httptest.NewRecorder(), r)
	defer NewTotal(1<<20, io.EOF).Hold(r).Release()
	if _, release, err := new(Inflated).Body(r); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a body of 2000 bytes, where 1000 may be: %v", err)
		release()
	}
}
