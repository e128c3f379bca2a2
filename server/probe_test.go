// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/server"
)

// Probes are answered on the server's own port, without a token, by its health.
func TestProbes(t *testing.T) {
	t.Parallel()
	w := onTCP(t, server.WithAuth(func(context.Context, string, string, string) error {
		return rpcx.Errorf(rpcx.Unauthenticated, "nobody")
	}))
	for pattern, h := range map[string]http.Handler{"GET /readyz": w.ReadyHandler(), "GET /livez": w.LiveHandler()} {
		if err := w.HandleHTTP(pattern, h); err != nil {
			t.Fatal(err)
		}
	}
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	probe := func(method, path string, want int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.addr+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := web.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s %s: %s, want %d", method, path, resp.Status, want)
		}
	}
	probe(http.MethodGet, "/readyz", http.StatusOK)
	probe(http.MethodHead, "/readyz", http.StatusOK)
	probe(http.MethodGet, "/livez", http.StatusOK)
	w.SetHealth("", server.NotServing)
	probe(http.MethodGet, "/readyz", http.StatusServiceUnavailable)
	probe(http.MethodGet, "/livez", http.StatusOK)
	w.SetHealth("", server.Serving)
	probe(http.MethodGet, "/readyz", http.StatusOK)
}

// A server that shuts down is not ready, from the first moment on.
func TestProbesOfAServerThatLeaves(t *testing.T) {
	t.Parallel()
	w := onTCP(t)
	status := func(h http.Handler) int {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		return rec.Code
	}
	entered, release := make(chan struct{}), make(chan struct{})
	w.handle("wait", func(context.Context, *Args, *Reply) error {
		close(entered)
		<-release
		return nil
	})
	p := w.dial(t)
	p.send(request("S", "wait", `{}`))
	<-entered
	done := w.shutdown(t.Context())
	eventually(t, "it is not ready", func() bool { return status(w.ReadyHandler()) == http.StatusServiceUnavailable })
	if got := status(w.LiveHandler()); got != http.StatusOK {
		t.Errorf("while it shuts down: not alive, but %d", got)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
