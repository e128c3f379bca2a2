// SPDX-License-Identifier: Apache-2.0

package httpcall_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/httpcall"
)

func TestPeer(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	local := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8972}
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
	r.RemoteAddr = "[2001:db8::1%eth0]:99"
	if p := httpcall.Peer(r); p.Addr.String() != "[2001:db8::1%eth0]:99" || p.Local != local || p.Network != "tcp" || p.TLS != nil {
		t.Errorf("%+v", p)
	}
	r.RemoteAddr = "@" // of a Unix socket
	if p := httpcall.Peer(r); p.Addr != nil {
		t.Errorf("%+v", p)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header http.Header
		want   rpcx.Metadata
		fails  bool
	}{
		"none":    {http.Header{}, rpcx.Metadata{}, false},
		"pairs":   {http.Header{"X-Rpcx-Meta": {"b=x+y&a=%26&a=second"}}, rpcx.Pairs("a", "&", "b", "x y"), false},
		"token":   {http.Header{"Authorization": {"bearer t"}}, rpcx.Pairs("__AUTH", "bearer t"), false},
		"time":    {http.Header{"X-Rpcx-Timeout": {"007"}}, rpcx.Pairs("__ServerTimeout", "7"), false},
		"escape":  {http.Header{"X-Rpcx-Meta": {"%zz"}}, rpcx.Metadata{}, true},
		"seconds": {http.Header{"X-Rpcx-Timeout": {"1s"}}, rpcx.Metadata{}, true},
	}
	for name, tt := range tests {
		got, err := httpcall.Metadata(tt.header)
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %v, %v", name, got.Map(), err)
		}
	}
	md := rpcx.Pairs("b", "x y", "a", "&")
	if got := httpcall.FormatMetadata(md); got != "a=%26&b=x+y" {
		t.Errorf("formatted as %q", got)
	}
}

func TestIsJSON(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{
		"application/json": true, "Application/JSON; charset=utf-8": true, "application/vnd.api+json": true,
		"": false, "text/plain": false, "text/json": false, "multipart/form-data; boundary=x+json": false,
		"application/x-www-form-urlencoded": false, "text/plain; application/json": false, "image/x+json": false,
	} {
		if got := httpcall.IsJSON(http.Header{"Content-Type": {kind}}); got != want {
			t.Errorf("%q: %v", kind, got)
		}
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	httpcall.Hints(h, rpcx.Errorf(rpcx.ResourceExhausted, "slow down").WithPause(10*time.Millisecond))
	if h.Get("Retry-After") != "1" || h.Get("WWW-Authenticate") != "" {
		t.Errorf("%v", h)
	}
	if got := httpcall.Status(nil); got != http.StatusOK {
		t.Errorf("no error has status %d", got)
	}
}
