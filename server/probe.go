// SPDX-License-Identifier: Apache-2.0

package server

import (
	"io"
	"net/http"
)

// ReadyHandler returns what answers the readiness probes of Kubernetes and of balancers, for
// HandleHTTP:
//
//	err := s.HandleHTTP("GET /readyz", s.ReadyHandler())
//
// The status is 200 while Health("") is Serving and 503 otherwise: after SetHealth with
// "" and NotServing, and as soon as Shutdown begins. Nobody is asked for a token, and nothing
// else is told.
func (s *Server) ReadyHandler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		answerProbe(rw, s.Health("") == Serving)
	})
}

// LiveHandler returns what answers liveness probes, as ReadyHandler does those for
// readiness. The status is 200 whenever the process can answer at all, also while the server is
// NotServing or shuts down: a restart would help nobody then.
func (*Server) LiveHandler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { answerProbe(rw, true) })
}

func answerProbe(rw http.ResponseWriter, well bool) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	text := "ok\n"
	if !well {
		rw.WriteHeader(http.StatusServiceUnavailable)
		text = "not serving\n"
	}
	_, _ = io.WriteString(rw, text) // the prober may be gone
}
