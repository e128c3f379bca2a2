// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"io"
	"net/http"
)

// The paths that say how the proxy is. No call has one: its path has two parts.
const (
	livePath  = "/healthz"
	readyPath = "/readyz"
)

// health reports whether a request asks how the proxy is.
func health(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.URL.Path == livePath || r.URL.Path == readyPath)
}

// serveHealth says that the process lives, and whether it should get requests. It does not
// ask the registry: that all gateways leave when the registry fails would make an outage
// of what the last known servers still can do.
func (p *Proxy) serveHealth(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Path == readyPath && p.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "draining\n") // who has left does not read it
		return
	}
	_, _ = io.WriteString(w, "ok\n") // as above
}
