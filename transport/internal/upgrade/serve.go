// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx/internal/peerip"
)

// Bounds of what somebody can do before a connection is handed to Accept.
const (
	// Timeout is how long a greeting may take, on either side: from the first byte of
	// the TLS handshake to the last of the answer.
	Timeout = 10 * time.Second
	// MaxHeader is the longest head of a request or response, in bytes.
	MaxHeader = 32 << 10
	// MaxGreeting is how many connections to one listener may be in their greeting.
	MaxGreeting = 4096
	// MaxGreetingPerPeer is how many of them may be of one peer, as server.Limits counts
	// peers: one that does nothing else does not keep the others out.
	MaxGreetingPerPeer = 256
)

// Listener is a Queue with the HTTP server that feeds it.
type Listener struct {
	*Queue

	server   http.Server
	greeting *peerip.Crowd
	once     sync.Once
	running  sync.WaitGroup
}

// Serve lets handler answer the requests for path that come over ln, and deliver
// connections to q. All other paths are not found. The caller owns the Listener; it
// owns ln.
func Serve(ln net.Listener, q *Queue, path string, handler http.Handler) *Listener {
	l := &Listener{Queue: q, greeting: peerip.NewCrowd(MaxGreeting, MaxGreetingPerPeer)}
	l.server = http.Server{
		Handler:           l.only(path, handler),
		ReadTimeout:       Timeout,
		ReadHeaderTimeout: Timeout,
		WriteTimeout:      Timeout,
		MaxHeaderBytes:    MaxHeader,
		ConnState:         l.count,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // what strangers do wrong is no news

		DisableGeneralOptionsHandler: true,
	}
	l.server.SetKeepAlivesEnabled(false)
	l.running.Go(func() {
		q.end(l.server.Serve(ln)) // unless Close was first
	})
	return l
}

// only answers the requests for path.
func (l *Listener) only(path string, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// count closes a connection that is one too many in its greeting.
func (l *Listener) count(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if !l.greeting.Enter(conn.RemoteAddr()) {
			_ = conn.Close() // nothing was said
		}
	case http.StateHijacked, http.StateClosed:
		l.greeting.Leave(conn.RemoteAddr())
	}
}

// Close frees the address, and ends every Accept and the greetings that are under way.
// Connections that were accepted live on. A second call does nothing.
func (l *Listener) Close() error {
	l.once.Do(func() {
		_ = l.Queue.Close()  // never fails
		_ = l.server.Close() // its error is that of closing ln, which frees the address all the same
	})
	l.running.Wait()
	return nil
}
