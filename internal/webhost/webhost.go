// SPDX-License-Identifier: Apache-2.0

// Package webhost tells whether the host that a request over HTTP names can be trusted to
// be the server's. A stranger can let a name of his own point to any address, and browsers
// then take his pages for those of the server there: DNS rebinding. What he cannot do is
// have the request name a host that is not his.
package webhost

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Fixed reports whether nobody can make a host, with or without a port, point somewhere
// else: it is an IP address or localhost.
func Fixed(host string) bool {
	name := nameOf(host)
	_, err := netip.ParseAddr(name)
	return err == nil || name == "localhost"
}

// List is the names of a server.
type List []string

// Check says which entry of the list is no name of a host. Those with a port are good for
// that port only.
func (l List) Check() error {
	for _, host := range l {
		if nameOf(host) == "" || strings.ContainsAny(host, "/*@ ?#") {
			return fmt.Errorf("host %q, want a name such as app.example.com", host)
		}
	}
	return nil
}

// Names reports whether a host, with or without a port, is in the list.
func (l List) Names(host string) bool {
	name := nameOf(host)
	for _, known := range l {
		if strings.EqualFold(known, host) || strings.EqualFold(known, name) {
			return true
		}
	}
	return false
}

// Admits reports whether a request for a host may be served. An empty list is for all, and
// a request that names no host comes from no browser.
func (l List) Admits(host string) bool {
	return len(l) == 0 || host == "" || Fixed(host) || l.Names(host)
}

// nameOf returns a host without its port, in small letters and without a last dot.
func nameOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
