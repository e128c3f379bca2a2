// SPDX-License-Identifier: Apache-2.0

package httpcall_test

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/rpcx-go/rpcx/internal/httpcall"
)

func TestFromOwnPage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		host, origin string
		tls          bool
		want         bool
	}{
		"address":                    {"10.0.0.1:8972", "http://10.0.0.1:8972", false, true},
		"address without port":       {"10.0.0.1", "http://10.0.0.1", false, true},
		"IPv6":                       {"[::1]:8972", "http://[::1]:8972", false, true},
		"IPv6 without port":          {"[::1]", "http://[::1]", false, true},
		"localhost":                  {"localhost:8972", "http://localhost:8972", false, true},
		"certificate":                {"app.example.com", "https://app.example.com", true, true},
		"name that may be anybody's": {"app.example.com:8972", "http://app.example.com:8972", false, false},
		"below localhost":            {"x.localhost:80", "http://x.localhost:80", false, false},
		"other port":                 {"127.0.0.1:8972", "http://127.0.0.1:80", false, false},
		"other host":                 {"127.0.0.1:8972", "http://10.0.0.1:8972", false, false},
		"TLS ended before":           {"127.0.0.1:8972", "https://127.0.0.1:8972", false, false},
		"from without to with TLS":   {"127.0.0.1:8972", "http://127.0.0.1:8972", true, false},
		"opaque":                     {"127.0.0.1:8972", "null", false, false},
		"none":                       {"127.0.0.1:8972", "", false, false},
		"nothing at all":             {"", "http://", false, false},
		"a name of the server's":     {"known.example:8972", "http://known.example:8972", false, true},
		"TLS ended before a name":    {"known.example", "https://known.example", false, true},
		"a name without TLS":         {"known.example", "http://known.example", true, false},
		"another scheme":             {"known.example", "ftp://known.example", false, false},
		"twice":                      {"known.example", "http://known.example, http://evil.example", false, false},
	}
	for name, tt := range tests {
		r := &http.Request{Host: tt.host, Header: http.Header{"Origin": {tt.origin}}}
		if tt.tls {
			r.TLS = new(tls.ConnectionState)
		}
		if got := httpcall.FromOwnPage(r, "known.example"); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
