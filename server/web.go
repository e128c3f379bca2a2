// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/internal/webhost"
	"github.com/rpcx-go/rpcx/jsonrpc"
)

// Bounds of HTTP beside Limits.
const (
	webHeaderLimit   = 32 << 10
	webHeaderTimeout = 5 * time.Second
)

// WithoutHTTP makes the TCP ports speak frames and nothing else. Default: they answer
// calls over HTTP and JSON-RPC as well, with or without TLS, as rpcx does; see
// HTTPHandler.
func WithoutHTTP() Option { return option(func(c *config) { c.noHTTP = true }) }

// WithHTTPOrigins lets pages in browsers call the server that come from the given
// origins, such as "https://app.example.com", or with "*" from anywhere. Default: none but
// the server's own, if the visitor has them over TLS, by an IP address or from localhost;
// any other name could be a stranger's that points here. What is no origin, but has a path or
// a pattern for instance, is an error of Serve.
func WithHTTPOrigins(origins ...string) Option {
	return option(func(c *config) { c.origins = append(c.origins, origins...) })
}

// WithHTTPHosts says by which names the server is known, such as "app.example.com", with a
// port if only that is meant. Requests over HTTP for other names are refused with status
// 421, whoever would serve them: handlers of HandleHTTP, too, which have no other protection
// from a stranger's page whose name points here. Requests for an IP address or localhost
// are served always. Pages of these hosts are the server's own. Default: any name.
func WithHTTPHosts(hosts ...string) Option {
	return option(func(c *config) { c.hosts = append(c.hosts, hosts...) })
}

// web is the HTTP side of a server.
type web struct {
	server *Server
	http   http.Server
	mux    http.ServeMux // of the user's handlers
	calls  *gateway.Handler
	rpc    *jsonrpc.Handler
	bodies *httpcall.Total // of calls
}

var errBodies = rpcx.Errorf(rpcx.ResourceExhausted, "server: the bodies of all requests are as large as may be").NotExecuted().WithPause(time.Second)

var errStopping = rpcx.Errorf(rpcx.Unavailable, "server is shutting down").NotExecuted()

func (w *web) init(s *Server) {
	w.server = s
	w.calls, w.rpc = gateway.New(s), jsonrpc.New(s)
	w.bodies = httpcall.NewTotal(int64(s.config.limits.HTTPBodies), errBodies)
	w.http = http.Server{
		Handler:           http.HandlerFunc(w.serve),
		ReadHeaderTimeout: webHeaderTimeout,
		IdleTimeout:       max(s.config.limits.IdleTimeout, 0),
		MaxHeaderBytes:    webHeaderLimit,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return s.config.base },
		ConnContext:       webContext,
		ConnState: func(nc net.Conn, state http.ConnState) {
			if c, ok := nc.(*webConn); ok {
				c.changed(state)
			}
		},
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: min(s.config.limits.HandlersPerConn, manyCalls)},
		Protocols: new(http.Protocols),
	}
	w.http.Protocols.SetHTTP1(true)
	w.http.Protocols.SetUnencryptedHTTP2(true) // or under TLS, which we speak ourselves
}

// on reports whether HTTP is served on connections of a network.
func (w *web) on(network string) bool {
	return !w.server.config.noHTTP && (strings.HasPrefix(network, "tcp") || network == "reuseport")
}

// tls returns the TLS configuration for a network: the user's, but that clients which ask
// for a version of HTTP get one. Other clients, those of rpcx among them, name none, or
// one of their own.
func (w *web) tls(network string) *tls.Config {
	config := w.server.config.tls
	if config == nil || !w.on(network) || len(config.NextProtos) > 0 || config.GetConfigForClient != nil {
		return config
	}
	if len(config.Certificates) == 0 && config.GetCertificate == nil {
		return config // which the transport refuses
	}
	speaksWeb := config.Clone()
	speaksWeb.NextProtos = []string{"h2", "http/1.1"}
	config = config.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if offersWeb(hello) {
			return speaksWeb, nil
		}
		return nil, nil //nolint:nilnil // what package tls wants for "the same"
	}
	return config
}

// HandleHTTP makes h serve requests whose method and path fit a pattern of http.ServeMux,
// on the TCP ports of the server and in HTTPHandler. Calls of registered methods come
// first. h may take the connection over, as http.Hijacker describes, and serve frames on
// it with ServeConn. Authentication, limits on calls and checks of the origin are h's
// affair. A pattern that is malformed, or conflicts with another, is an error.
func (s *Server) HandleHTTP(pattern string, h http.Handler) (err error) {
	defer func() {
		if r := recover(); r != nil { // that is how ServeMux says it
			err = fmt.Errorf("server: handle %q: %v", pattern, r)
		}
	}()
	s.web.mux.Handle(pattern, h)
	return nil
}

// HTTPHandler returns what the TCP ports answer HTTP with, for an http.Server of the
// caller's: calls in rpcx's and in plain form (package gateway), JSON-RPC (package
// jsonrpc), and what HandleHTTP has added.
//
// No page of another site can call by it, unless WithHTTPOrigins names its origin: calls
// need a header or a content type that browsers do not send to another site without
// asking, and requests that name another origin are refused with 403.
func (s *Server) HTTPHandler() http.Handler { return http.HandlerFunc(s.web.serve) }

// serve routes one request.
func (w *web) serve(rw http.ResponseWriter, r *http.Request) {
	if c, ok := r.Context().Value(webKey{}).(*Conn); ok {
		r.TLS = c.peer.TLS
		if c.halted.Load() {
			rw.Header().Set("Connection", "close")
			httpcall.Problem(rw, http.StatusServiceUnavailable, errStopping)
			return
		}
	}
	if !webhost.List(w.server.config.hosts).Admits(r.Host) {
		httpcall.Problem(rw, http.StatusMisdirectedRequest,
			rpcx.Errorf(rpcx.PermissionDenied, "host %q is not served here", r.Host).NotExecuted())
		return
	}
	if w.server.isClosing() {
		rw.Header().Set("Connection", "close")
	}
	if h := w.route(r); h != nil {
		w.guard(rw, r, h)
		return
	}
	w.handOver(rw, r)
}

// handOver has a handler of the user's serve a request.
func (w *web) handOver(rw http.ResponseWriter, r *http.Request) {
	defer w.noteHandlerPanic(r)
	if r.ProtoMajor == 2 {
		stream := httpcall.NewStreamWriter(rw, w.server.config.limits.WriteTimeout)
		defer stream.Finish()
		rw = stream
	}
	w.mux.ServeHTTP(rw, r)
}

// noteHandlerPanic ends the request of a handler that panics, and tells of it.
func (w *web) noteHandlerPanic(r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause != http.ErrAbortHandler { //nolint:errorlint // any value may be thrown
		w.server.stats.panics.Add(1)
		w.server.logger.Error("panic in a handler of HTTP", "method", r.Method, "path", r.URL.Path,
			"peer", r.RemoteAddr, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	}
	panic(http.ErrAbortHandler) //nolint:forbidigo // what package http wants to hear
}

// route returns what serves a call; nil for a request that is one of the user's.
func (w *web) route(r *http.Request) http.Handler {
	switch m := httpcall.Meant(r); {
	case jsonrpc.Is(m):
		return w.rpc
	case gateway.IsInvoke(m), w.isPlain(m):
		return w.calls
	}
	if _, pattern := w.mux.Handler(r); pattern != "" {
		return nil
	}
	if r.URL.Path == "/" && r.Method == http.MethodPost && httpcall.IsJSON(r.Header) {
		return w.rpc
	}
	return w.calls
}

// isPlain reports whether a request is a call of a registered method by its path.
func (w *web) isPlain(r *http.Request) bool {
	service, name, ok := gateway.Method(r)
	if !ok || r.Method != http.MethodPost || !httpcall.IsJSON(r.Header) {
		return false
	}
	m, _ := (*w.server.table.Load()).lookup([]byte(service), []byte(name))
	return m != nil || w.server.reroute(service, name) != nil
}

// guard lets a request through to a handler of calls, if the page that makes it may, and
// bounds the length of its body, that of all bodies, and the time that either side takes.
func (w *web) guard(rw http.ResponseWriter, r *http.Request, h http.Handler) {
	if !httpcall.Origins(w.server.config.origins).Admit(rw, r, httpcall.FromOwnPage(r, w.server.config.hosts...)) {
		return
	}
	limits := &w.server.config.limits
	bounds := httpcall.Bounds{Body: limits.Payload, Stall: limits.Stall, Write: limits.WriteTimeout}
	rw, r = bounds.Hold(rw, r)
	held := w.bodies.Hold(r)
	defer held.Release()
	h.ServeHTTP(rw, r)
	if err := held.Refused(); err != nil {
		w.server.herald.refusedBody(httpcall.Peer(r), err)
	}
}
