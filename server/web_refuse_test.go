// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/server"
)

// Whoever refuses a request, and for whatever reason, says so in a problem document; but for
// calls by rpcx's headers, whose refusals are rpcx's.
func TestRefusalsAreProblems(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithHTTPHosts("app.example")).arith()
	const form = "application/x-www-form-urlencoded"
	rpc := `{"jsonrpc":"2.0","method":"Arith.Mul","params":{},"id":1}`
	for name, tt := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		allow, detail      string
	}{
		"form":           {"POST", "/Arith/Mul", `{}`, []string{"Content-Type", form}, 415, "", `content type "` + form + `", want application/json`},
		"form, JSON-RPC": {"POST", "/", rpc, []string{"Content-Type", form}, 415, "", `content type "` + form + `", want application/json`},
		"no type":        {"POST", "/", rpc, nil, 415, "", `content type "", want application/json`},
		"GET":            {"GET", "/Arith/Mul", "", nil, 405, "OPTIONS, POST", "method GET, want POST"},
		"GET, JSON-RPC":  {"GET", "/", "", []string{"Content-Type", "application/json-rpc"}, 405, "POST", "method GET, want POST"},
		"origin":         {"POST", "/Arith/Mul", `{}`, []string{"Content-Type", jsonType, "Origin", "https://evil.example"}, 403, "", `origin "https://evil.example" is not allowed`},
		"host":           {"POST", "/Arith/Mul", `{}`, []string{"Content-Type", jsonType, "Host", "evil.example"}, 421, "", `host "evil.example" is not served here`},
		"broken gzip":    {"POST", "/", rpc, []string{"Content-Type", jsonType, "Content-Encoding", "gzip"}, 400, "", "gzip"},
	} {
		res, text := w.do(t, newHTTPClient(t), tt.method, tt.path, tt.body, tt.headers...)
		var p struct {
			Status       int
			Detail, Code string
		}
		if err := json.Unmarshal([]byte(text), &p); err != nil || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s %q is no problem document", name, res.StatusCode, res.Header.Get("Content-Type"), text)
		}
		if res.StatusCode != tt.status || p.Status != tt.status || p.Code == "" || !strings.Contains(p.Detail, tt.detail) ||
			res.Header.Get("Allow") != tt.allow {
			t.Errorf("%s: %d, allow %q, %s; want %d, %q, %q", name, res.StatusCode, res.Header.Get("Allow"), text, tt.status, tt.allow, tt.detail)
		}
	}
}

// A browser need not ask before every call.
func TestPreflightIsRemembered(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithHTTPOrigins("https://app.example")).arith()
	res, _ := w.do(t, newHTTPClient(t), "OPTIONS", "/Arith/Mul", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST")
	if got := res.Header.Get("Access-Control-Max-Age"); res.StatusCode != 204 || got != "600" {
		t.Errorf("%d, to be remembered for %q, want 204 for 600 seconds", res.StatusCode, got)
	}
}
