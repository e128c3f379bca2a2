// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"io"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/transporttest"
)

// Who forgets the s of https learns it; whatever else is not TLS learns nothing, and nor does
// anybody where no HTTP is served.
func TestPlainHTTPOnTLS(t *testing.T) {
	t.Parallel()
	ca := transporttest.NewCA(t)
	for name, tt := range map[string]struct {
		opts   []server.Option
		send   string
		answer bool
	}{
		"POST":           {nil, "POST /Arith/Mul HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", true},
		"GET":            {nil, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
		"a frame":        {nil, string(encode(t, request("S", "M", "{}"))), false},
		"something else": {nil, "hello there\r\n\r\n", false},
		"no HTTP at all": {[]server.Option{server.WithoutHTTP()}, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false},
	} {
		w := onTCP(t, append(tt.opts, server.WithTLSConfig(ca.Server()))...)
		nc := w.dialNet(t)
		if _, err := io.WriteString(nc, tt.send); err != nil {
			t.Fatal(err)
		}
		got := string(drainAll(nc))
		if answered := strings.HasPrefix(got, "HTTP/1.0 400 Bad Request\r\n") && strings.Contains(got, "https"); answered != tt.answer ||
			!tt.answer && strings.Contains(got, "HTTP") {
			t.Errorf("%s: answered %q", name, got)
		}
	}
}
