// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get makes a request of a handler.
func get(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func mul(context.Context, *[2]int, *int) error { return nil }

// mounted returns the HTTP side of a server with everything.
func mounted(t *testing.T, opts ...server.Option) http.Handler {
	t.Helper()
	s := server.NewServer(append(opts, server.WithLogger(slog.New(slog.DiscardHandler)))...)
	t.Cleanup(func() { s.Close() })
	err := errors.Join(server.Handle(s, "Arith", "Mul", mul), reflection.Register(s), openapi.Mount(s, "/a/docs/", openapi.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	return s.HTTPHandler()
}

// Whatever the page loads is there, is of its kind, and comes from the same place.
func TestMount(t *testing.T) {
	t.Parallel()
	h := mounted(t)
	for path, kind := range map[string]string{
		"": "text/html; charset=utf-8", "page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8",
		"schema.js": "text/javascript; charset=utf-8", "openapi.json": "application/json",
	} {
		w := get(h, "/a/docs/"+path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: %d %v", path, w.Code, w.Header())
		}
		if path != "openapi.json" && !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self';") {
			t.Errorf("%q: policy %q", path, w.Header().Get("Content-Security-Policy"))
		}
	}
	for _, found := range regexp.MustCompile(`(?:src|href)="([^"]*)"|from "([^"]*)"|\burl\(|@import|\son\w+=|style=`).
		FindAllStringSubmatch(get(h, "/a/docs/").Body.String()+get(h, "/a/docs/page.js").Body.String()+get(h, "/a/docs/page.css").Body.String(), -1) {
		switch found[1] + found[2] {
		case "page.css", "page.js", "./schema.js", "openapi.json", "data:,", "#main":
		default:
			t.Errorf("the page has %s", found[0])
		}
	}
	if body := get(h, "/a/docs/openapi.json").Body.String(); !strings.Contains(body, `"/Arith/Mul"`) || strings.Contains(body, "rpcx.Health") {
		t.Errorf("%s", body)
	}
	if w := get(h, "/a/docs/none"); w.Code != http.StatusNotFound {
		t.Errorf("a file that is not there: %d", w.Code)
	}
}

// The document is for whom the reflection service is for.
func TestAccess(t *testing.T) {
	t.Parallel()
	h := mounted(t, server.WithAuth(func(_ context.Context, service, method, token string) error {
		if token != "Bearer x" {
			return rpcx.Errorf(rpcx.Unauthenticated, "%s.%s is secret", service, method)
		}
		return nil
	}))
	w := get(h, "/a/docs/openapi.json")
	const want = `{"type":"about:blank","title":"Unauthorized","status":401,"detail":"Reflection.Describe is secret","code":"unauthenticated"}`
	if w.Code != http.StatusUnauthorized || w.Body.String() != want || w.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("without a token: %d %s", w.Code, w.Body)
	}
	w = get(h, "/a/docs/openapi.json", "Authorization", "Bearer x")
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("with a token: %d %v", w.Code, w.Header())
	}
	if w := get(h, "/a/docs/openapi.json", "X-RPCX-Meta", "%zz"); w.Code != http.StatusBadRequest {
		t.Errorf("with metadata that is none: %d", w.Code)
	}
}

// Without the service there is a hint instead of a document.
func TestNoReflection(t *testing.T) {
	t.Parallel()
	s := server.NewServer()
	defer s.Close()
	if err := openapi.Mount(s, "/docs/", openapi.Config{}); err != nil {
		t.Fatal(err)
	}
	if w := get(s.HTTPHandler(), "/docs/openapi.json"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "reflection.Register") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, prefix := range []string{"", "docs/", "/docs", "/{docs/"} {
		if err := openapi.Mount(s, prefix, openapi.Config{}); err == nil {
			t.Errorf("mounted at %q", prefix)
		}
	}
}

// Any source will do, and its errors are told.
func TestSource(t *testing.T) {
	t.Parallel()
	h := openapi.Handler(func(r *http.Request) ([]reflection.Service, error) {
		if r.Header.Get("X-Who") == "" {
			return nil, rpcx.Errorf(rpcx.Unavailable, "no server is there")
		}
		return []reflection.Service{arith("Arith", "{}")}, nil
	}, openapi.Config{})
	if w := get(h, "/openapi.json"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(h, "/openapi.json", "X-Who", "me"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "/Arith/Mul") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The page may call the servers that it is for, and no other.
func TestPolicy(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"/api":                   "connect-src 'self';",
		"https://api.example/v1": "connect-src 'self' https://api.example;",
		"http://127.0.0.1:8972":  "connect-src 'self' http://127.0.0.1:8972;",
		"ftp://x":                "connect-src 'self';",
		"http://x;script-src *":  "connect-src 'self';",
		"http://x' *":            "connect-src 'self';",
	} {
		w := get(openapi.Handler(nil, openapi.Config{Servers: []string{server}}), "/")
		if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, want) || strings.Contains(got, "*") {
			t.Errorf("%s: %s", server, got)
		}
	}
	res := get(openapi.Handler(nil, openapi.Config{}), "/").Result()
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); strings.Contains(string(body), "<script>") {
		t.Error("a script stands in the page itself")
	}
}
