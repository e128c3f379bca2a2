// SPDX-License-Identifier: Apache-2.0

package ws

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rpcx-go/rpcx/internal/webhost"
	"github.com/rpcx-go/rpcx/transport/internal/upgrade"
)

// Handler takes connections out of an http.Server. It is an http.Handler for the one
// and a net.Listener for the other:
//
//	h := ws.NewHandler(ws.Config{})
//	mux.Handle(ws.DefaultPath, h)
//	go rpcServer.ServeListener("ws", h)
//
// The http.Server must speak HTTP/1 on that port, which browsers do for WebSockets. TLS
// and the time and size of requests are its affair. Connections that were taken are not
// its any more: the Shutdown of the rpcx server ends them, and then requests are answered
// with status 503.
type Handler struct {
	queue  *upgrade.Queue
	config Config
}

// NewHandler returns a Handler, which answers on whatever path it is mounted. Its
// address as a listener is 0.0.0.0:0, which nobody can dial: a server with a registrar
// must be told what to register. No page may connect for an entry of Config.Origins that is
// none.
func NewHandler(c Config) *Handler {
	if origins, err := webhost.ParseOrigins(c.Origins); err == nil {
		c.Origins = origins
	}
	return &Handler{upgrade.NewQueue(&net.TCPAddr{IP: net.IPv4zero}), c}
}

// Accept returns the next connection that was taken.
func (h *Handler) Accept() (net.Conn, error) { return h.queue.Accept() }

// Close ends every Accept. Connections that were accepted live on.
func (h *Handler) Close() error { return h.queue.Close() }

// Addr returns 0.0.0.0:0: where the http.Server listens is not known here.
func (h *Handler) Addr() net.Addr { return h.queue.Addr() }

// SetDeadline bounds Accept, also one that waits already. The zero time is no bound.
func (h *Handler) SetDeadline(t time.Time) error { return h.queue.SetDeadline(t) }

// ServeHTTP answers the handshake of a WebSocket and hands the connection to Accept, for
// which it waits for up to 10 seconds.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if status, reason := h.config.refuse(r); status != 0 {
		w.Header().Set("Sec-WebSocket-Version", version)
		http.Error(w, reason, status)
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
	if !h.take(conn, early, r.Header.Get("Sec-WebSocket-Key")) {
		_ = conn.Close() // its client sees the end
	}
}

func (h *Handler) take(conn net.Conn, early []byte, key string) bool {
	answer := "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + acceptance(strings.TrimSpace(key)) + "\r\n\r\n"
	if _, err := io.WriteString(conn, answer); err != nil {
		return false
	}
	if err := conn.SetWriteDeadline(time.Time{}); err != nil {
		return false
	}
	var src io.Reader = conn
	if len(early) > 0 {
		src = io.MultiReader(bytes.NewReader(early), conn)
	}
	return h.queue.Deliver(newConn(conn, bufio.NewReaderSize(src, readBuffer), false), upgrade.Timeout)
}
