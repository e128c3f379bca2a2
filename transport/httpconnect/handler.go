// SPDX-License-Identifier: Apache-2.0

package httpconnect

import (
	"io"
	"net"
	"net/http"
	"time"

	"github.com/rpcx-go/rpcx/transport/internal/upgrade"
)

// Handler takes connections out of an http.Server. It is an http.Handler for the one
// and a net.Listener for the other:
//
//	h := httpconnect.NewHandler()
//	mux.Handle(httpconnect.DefaultPath, h)
//	go rpcServer.ServeListener("http", h)
//
// The http.Server must speak HTTP/1 on that port, which its clients do. TLS and the
// time and size of requests are its affair. Connections that were taken are not
// its any more: the Shutdown of the rpcx server ends them, and then requests are answered
// with status 503.
type Handler struct{ queue *upgrade.Queue }

// NewHandler returns a Handler. Its address as a listener is 0.0.0.0:0, which nobody can
// dial: a server with a registrar must be told what to register.
func NewHandler() *Handler {
	return &Handler{upgrade.NewQueue(&net.TCPAddr{IP: net.IPv4zero})}
}

// Accept returns the next connection that was taken.
func (h *Handler) Accept() (net.Conn, error) { return h.queue.Accept() }

// Close ends every Accept. Connections that were accepted live on.
func (h *Handler) Close() error { return h.queue.Close() }

// Addr returns 0.0.0.0:0: where the http.Server listens is not known here.
func (h *Handler) Addr() net.Addr { return h.queue.Addr() }

// SetDeadline bounds Accept, also one that waits already. The zero time is no bound.
func (h *Handler) SetDeadline(t time.Time) error { return h.queue.SetDeadline(t) }

// ServeHTTP answers a CONNECT and hands the connection to Accept, for which it waits
// for up to 10 seconds.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = io.WriteString(w, "405 must CONNECT\n") // who asked is gone
		return
	}
	if h.queue.IsClosed() {
		http.Error(w, "the server is closed", http.StatusServiceUnavailable)
		return
	}
	conn, early, err := upgrade.Hijack(w)
	if err != nil {
		http.Error(w, "the connection cannot be taken over: "+err.Error(), http.StatusNotImplemented)
		return
	}
	if !h.take(conn, early) {
		_ = conn.Close() // its client sees the end
	}
}

func (h *Handler) take(conn net.Conn, early []byte) bool {
	if _, err := io.WriteString(conn, "HTTP/1.0 "+connected+"\n\n"); err != nil {
		return false
	}
	if err := conn.SetWriteDeadline(time.Time{}); err != nil {
		return false
	}
	return h.queue.Deliver(upgrade.WithEarly(conn, early), upgrade.Timeout)
}
