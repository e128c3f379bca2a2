// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// FromOwnPage reports whether a request comes from a page that the server of the request
// has served itself. That its Origin names the host of the request says so only if a
// stranger cannot give that name to the server: what he can by letting a name of his own
// point to its address. An address is no name, nobody else's certificate is taken
// for a name, and localhost is everybody's own.
func FromOwnPage(r *http.Request) bool {
	origin, host := r.Header.Get("Origin"), r.Host
	if r.TLS != nil {
		return strings.EqualFold(origin, "https://"+host)
	}
	if !strings.EqualFold(origin, "http://"+host) {
		return false
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost")
}
