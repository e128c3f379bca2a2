// SPDX-License-Identifier: Apache-2.0

// Package jsonrpc lets programs call services with JSON-RPC 2.0 over HTTP.
//
//	curl -H 'Content-Type: application/json' http://host:8972/ \
//	     -d '{"jsonrpc":"2.0","method":"Arith.Mul","params":{"A":6,"B":7},"id":1}'
//
// The last dot of "method" separates service and method, and "params" is what the
// method takes: none is an empty object, and a list of one that the method does not take is
// its element. Batches of up to [MaxBatch] requests and notifications work as the
// specification says. Bodies may be compressed with gzip, and answers are for clients that
// take that. An error has one of its codes, or -32000 less the number of the
// rpcx.Code, and in "data" the code's name, the details and, as "retry_after", the seconds
// after which to try again.
//
// A [server.Server] serves it on its TCP ports by itself, as real rpcx does: at the path
// "/", and at any path for requests with the header "X-JSONRPC-2.0: true" or a content
// type of JSON-RPC. New is for programs that want it in an http.Server of their own.
//
// [server.Server]: https://pkg.go.dev/github.com/rpcx-go/rpcx/server#Server
package jsonrpc

import (
	"bytes"
	"context"
	"mime"
	"net/http"
	"strconv"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/protocol"
)

// MaxBatch is how many requests a batch may hold.
const MaxBatch = 100

// parallel is how many requests of a batch run at a time.
const parallel = 8

// header is rpcx's mark of a request. It says the version as well, so that the request
// itself need not.
const header = "X-Jsonrpc-2.0"

// Dispatcher runs calls; a *server.Server is one. m is the call as a frame would carry
// it. The reply is never nil, its metadata is there with an error as well, and its
// payload is not compressed.
type Dispatcher interface {
	Dispatch(ctx context.Context, peer rpcx.Peer, m *protocol.Message) (reply *protocol.Message, err error)
}

// Handler turns requests into calls. Its methods may be called concurrently.
type Handler struct {
	calls    Dispatcher
	zips     httpcall.Zips
	inflated httpcall.Inflated
}

// New returns a handler that makes the calls on d. It reads bodies to their end: who
// serves it bounds their length, with http.MaxBytesHandler for instance, and the time
// that they take. Bodies in gzip grow to 16 MiB at most. It runs no call of a browser's page
// of another site, but does not look at Origin: see server.Server.HTTPHandler for one that
// does.
func New(d Dispatcher) *Handler { return &Handler{calls: d} }

// Is reports whether a request says that it is JSON-RPC, by rpcx's header or by its
// content type.
func Is(r *http.Request) bool {
	if marked(r.Header) {
		return true
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (kind == "application/json-rpc" || kind == "application/jsonrequest")
}

func marked(h http.Header) bool { return h.Get(header) == "true" }

// ServeHTTP implements http.Handler. Its status is 200 whatever became of the calls, and 204
// after notifications, unless rpcx's header asks for 200; a request without a body, or whose
// content type a browser sends to anybody, is none.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !Is(r) && !httpcall.IsJSON(r.Header) {
		httpcall.RefuseType(w, r)
		return
	}
	if !marked(r.Header) && r.Method != http.MethodPost {
		httpcall.RefuseMethod(w, r, http.MethodPost)
		return
	}
	body, release, err := h.inflated.Body(r)
	defer release()
	if err != nil {
		httpcall.Problem(w, httpcall.Status(err), err)
		return
	}
	md, err := httpcall.Metadata(r.Header)
	if err != nil {
		h.write(w, r, failed(nil, invalidRequest, err))
		return
	}
	s := session{calls: h.calls, ctx: r.Context(), peer: httpcall.Peer(r), md: md, lenient: marked(r.Header)}
	if body = bytes.TrimLeft(body, " \t\r\n"); len(body) > 0 && body[0] == '[' {
		h.write(w, r, s.serveBatch(body))
		return
	}
	answer, replied := s.serve(body)
	if !replied.IsZero() {
		w.Header().Set(httpcall.MetaHeader, httpcall.FormatMetadata(replied))
	}
	if answer == nil {
		h.write(w, r, nil)
		return
	}
	if pause := answer.pause(); pause > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(pause))
	}
	h.write(w, r, answer)
}

// write answers with one response or a list of them, or with none. Requests with rpcx's
// header get it in the form of rpcx.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, answer any) {
	switch answer := answer.(type) {
	case nil:
		if !marked(r.Header) {
			w.WriteHeader(http.StatusNoContent)
		}
		return
	case *response:
		if marked(r.Header) {
			likeRPCX(answer)
		}
	case []*response:
		if marked(r.Header) {
			likeRPCX(answer...)
		}
	}
	h.zips.Write(w, r, http.StatusOK, "application/json", encode(answer))
}
