// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"net/http"
	"slices"

	"github.com/rpcx-go/rpcx"
)

// permitted is how many seconds a browser remembers a permission: less than the most that
// any of them takes, and little enough for a list of origins that has changed.
const permitted = "600"

// Origins are the pages that may make calls: origins as browsers name them, such as
// "https://app.example.com", or "*" for all.
type Origins []string

// Admit reports whether a request may go on, and tells the browser so; own says that a
// page of the same origin makes it. What may not go on, and questions of a browser whose
// answer is yes, it answers by itself. No permission is the answer to all other questions.
func (o Origins) Admit(w http.ResponseWriter, r *http.Request, own bool) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	w.Header().Add("Vary", "Origin")
	asks := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	switch allowed := own || o.allow(origin); {
	case allowed && asks:
		permit(w.Header(), r, origin)
		w.WriteHeader(http.StatusNoContent)
		return false
	case allowed:
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Expose-Headers", "*")
		return true
	case asks:
		return true
	default:
		Problem(w, http.StatusForbidden, rpcx.Errorf(rpcx.PermissionDenied, "origin %q is not allowed", origin).NotExecuted())
		return false
	}
}

func (o Origins) allow(origin string) bool {
	return slices.Contains(o, "*") || slices.Contains(o, origin)
}

// permit says yes to a browser that asks.
func permit(to http.Header, r *http.Request, origin string) {
	to.Set("Access-Control-Allow-Origin", origin)
	to.Set("Access-Control-Allow-Methods", "GET, POST, PUT")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		to.Set("Access-Control-Allow-Headers", asked)
	}
	to.Set("Access-Control-Max-Age", permitted)
	to.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
}
