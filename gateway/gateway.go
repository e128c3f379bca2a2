// SPDX-License-Identifier: Apache-2.0

// Package gateway lets programs that speak HTTP call services. It knows two forms.
//
// With rpcx's headers the body is the payload of any codec (invoke.go):
//
//	curl -H 'X-RPCX-SerializeType: 1' -H 'X-RPCX-ServicePath: Arith' \
//	     -H 'X-RPCX-ServiceMethod: Mul' -d '{"A":6,"B":7}' http://host:8972/
//
// Without any header to know, the path names the method and the body is JSON (plain.go):
//
//	curl --json '{"A":6,"B":7}' http://host:8972/Arith/Mul
//
// A [server.Server] serves both on its TCP ports by itself. New is for programs that
// want them in an http.Server of their own.
//
// [server.Server]: https://pkg.go.dev/github.com/rpcx-go/rpcx/server#Server
package gateway

import (
	"context"
	"net/http"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/protocol"
)

// Dispatcher runs calls; a *server.Server is one. m is the call as a frame would carry
// it. The reply is never nil, its metadata is there with an error as well, and its
// payload is not compressed.
type Dispatcher interface {
	Dispatch(ctx context.Context, peer rpcx.Peer, m *protocol.Message) (reply *protocol.Message, err error)
}

// Handler turns HTTP requests into calls. Its methods may be called concurrently.
type Handler struct {
	calls Dispatcher
	zips  httpcall.Zips
}

// New returns a handler that makes the calls on d. It reads bodies to their end: who
// serves it bounds their length, with http.MaxBytesHandler for instance, and the time
// that they take. It runs no call of a browser's page of another site, but does not look
// at Origin: see server.Server.HTTPHandler for one that does.
func New(d Dispatcher) *Handler { return &Handler{calls: d} }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if IsInvoke(r) {
		h.invoke(w, r)
		return
	}
	h.plain(w, r)
}

// WriteError answers a request with an error, in the form of call that the request has. It
// is for handlers that stand before a Handler and refuse.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	if !IsInvoke(r) {
		httpcall.Problem(w, httpcall.Status(err), err)
		return
	}
	echo(w.Header(), r.Header)
	fail(w, err)
}

// zipped says which compressor a body needs, of those that every server has.
func zipped(h http.Header) protocol.CompressType {
	if h.Get("Content-Encoding") == "gzip" {
		return protocol.Gzip
	}
	return protocol.None
}
