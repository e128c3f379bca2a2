// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"strings"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/protocol"
)

// Method returns the service and method that the path of a request names: what stands
// before its last slash and after it. ok says whether it names any.
func Method(r *http.Request) (service, method string, ok bool) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	cut := strings.LastIndexByte(path, '/')
	if cut <= 0 || cut == len(path)-1 {
		return "", "", false
	}
	return path[:cut], path[cut+1:], true
}

// plain serves a call in JSON whose path names the method.
func (h *Handler) plain(w http.ResponseWriter, r *http.Request) {
	service, method, named := Method(r)
	switch {
	case !named && r.Method != http.MethodPost && r.Method != http.MethodOptions:
		httpcall.Problem(w, http.StatusNotFound, rpcx.Errorf(rpcx.NotFound, "there is nothing at %q", r.URL.Path))
		return
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", allowed)
		return
	case r.Method != http.MethodPost:
		httpcall.RefuseMethod(w, r, "OPTIONS, POST")
		return
	case !named && r.URL.Path == "/" && !httpcall.IsJSON(r.Header): // it was meant for JSON-RPC
		httpcall.RefuseType(w, r)
		return
	case !named:
		httpcall.Problem(w, http.StatusNotFound, rpcx.Errorf(rpcx.NotFound, "there is nothing at %q, want /{service}/{method}", r.URL.Path))
		return
	case !httpcall.IsJSON(r.Header):
		httpcall.RefuseType(w, r)
		return
	}
	reply, err := h.callPlain(r, service, method)
	if reply != nil && !reply.Metadata.IsZero() {
		w.Header().Set(httpcall.MetaHeader, httpcall.FormatMetadata(reply.Metadata))
	}
	if err != nil {
		httpcall.Problem(w, httpcall.Status(err), err)
		return
	}
	h.zips.Write(w, r, http.StatusOK, "application/json", reply.Payload)
}

func (h *Handler) callPlain(r *http.Request, service, method string) (*protocol.Message, error) {
	md, err := httpcall.Metadata(r.Header)
	if err != nil {
		return nil, err
	}
	body, err := httpcall.Body(r)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		body = []byte("{}") // a method that takes nothing needs no body
	}
	m := &protocol.Message{Service: service, Method: method, Metadata: md, Payload: body}
	m.Serialize, m.Compress = protocol.JSON, zipped(r.Header)
	return h.calls.Dispatch(r.Context(), httpcall.Peer(r), m)
}
