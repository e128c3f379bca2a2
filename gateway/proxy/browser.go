// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/rpcx-go/rpcx/internal/httpcall"
)

// named reports whether Config.Hosts has the host of a request.
func (p *Proxy) named(r *http.Request) bool {
	name := hostname(r.Host)
	return slices.ContainsFunc(p.config.Hosts, func(h string) bool {
		return h == "*" || strings.EqualFold(h, name) || strings.EqualFold(h, r.Host)
	})
}

// hostname returns a host without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// nameless reports whether a request's host is none that a stranger could have made point
// here.
func nameless(r *http.Request) bool {
	name := hostname(r.Host)
	_, err := netip.ParseAddr(name)
	return err == nil || strings.EqualFold(name, "localhost")
}

// ownPage reports whether a page of the proxy's own makes a request. Whoever stands in
// front of it may have ended the TLS.
func (p *Proxy) ownPage(r *http.Request) bool {
	if httpcall.FromOwnPage(r) {
		return true
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && p.named(r) && strings.EqualFold(origin.Host, r.Host) &&
		(origin.Scheme == "https" || origin.Scheme == "http" && r.TLS == nil)
}
