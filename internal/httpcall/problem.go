// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/rpcx-go/rpcx"
)

// problemDocument is what RFC 9457 says about an error, with a code and facts as
// rpcx.Error has them. Package gateway/openapi describes it.
type problemDocument struct {
	Type    string            `json:"type"`
	Title   string            `json:"title"`
	Status  int               `json:"status"`
	Detail  string            `json:"detail"`
	Code    string            `json:"code"`
	Details map[string]string `json:"details,omitempty"`
}

// RefuseMethod answers a request whose method is none of those that are allowed, which a call
// by POST is.
func RefuseMethod(w http.ResponseWriter, r *http.Request, allowed string) {
	w.Header().Set("Allow", allowed)
	Problem(w, http.StatusMethodNotAllowed, rpcx.Errorf(rpcx.InvalidArgument, "method %s, want POST", r.Method).NotExecuted())
}

// RefuseType answers a request whose content type is not that of JSON.
func RefuseType(w http.ResponseWriter, r *http.Request) {
	Problem(w, http.StatusUnsupportedMediaType,
		rpcx.Errorf(rpcx.InvalidArgument, "content type %q, want application/json", r.Header.Get("Content-Type")).NotExecuted())
}

// Problem answers with an error, as a problem document.
func Problem(w http.ResponseWriter, status int, err error) {
	p := problemDocument{
		Type:   "about:blank",
		Title:  http.StatusText(status),
		Status: status,
		Detail: err.Error(),
		Code:   CodeName(err),
	}
	if p.Title == "" {
		p.Title = fmt.Sprint("Status ", status)
	}
	var e *rpcx.Error
	if errors.As(err, &e) {
		p.Details = e.Details()
	}
	body, _ := json.Marshal(p) // strings, which always can be
	Hints(w.Header(), err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has left does not read it
}
