// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"net/http"
	"strings"

	"github.com/rpcx-go/rpcx/internal/webhost"
)

// FromOwnPage reports whether a request comes from a page that the server of the request
// has served itself. That its Origin names the host of the request says so only if a
// stranger cannot give that name to the server: what he can by letting a name of his own
// point to its address. An address is no name, nobody else's certificate is taken
// for a name, localhost is everybody's own, and those in hosts are the server's: there TLS
// may have ended before the server.
func FromOwnPage(r *http.Request, hosts ...string) bool {
	scheme, host, _ := strings.Cut(r.Header.Get("Origin"), "://")
	if host == "" || !strings.EqualFold(host, r.Host) {
		return false
	}
	switch strings.ToLower(scheme) {
	case "https":
		return r.TLS != nil || webhost.List(hosts).Names(host)
	case "http":
		return r.TLS == nil && (webhost.Fixed(host) || webhost.List(hosts).Names(host))
	default:
		return false
	}
}
