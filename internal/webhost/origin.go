// SPDX-License-Identifier: Apache-2.0

package webhost

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ParseOrigins returns origins as browsers spell them, whatever is a matter of spelling: case
// of letters, a last slash, the port that goes without saying. What is none is an error.
func ParseOrigins(given []string) ([]string, error) {
	origins := make([]string, 0, len(given))
	for _, text := range given {
		o, err := parseOrigin(text)
		if err != nil {
			return nil, fmt.Errorf("origin %q, want one such as https://app.example.com, or *: %w", text, err)
		}
		origins = append(origins, o)
	}
	return origins, nil
}

func parseOrigin(text string) (string, error) {
	if text == "*" || text == "null" {
		return text, nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", errors.Unwrap(err) // without the text once more
	case u.Scheme == "" || u.Hostname() == "":
		return "", errors.New("scheme or host is missing")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "", u.User != nil:
		return "", errors.New("an origin has a scheme, a host and a port, and nothing else")
	}
	host := u.Hostname()
	if u.Scheme == "http" || u.Scheme == "https" {
		host = strings.ToLower(host)
	}
	if strings.IndexFunc(host, foreign) >= 0 {
		return "", errors.New("browsers write hosts in ASCII, without patterns")
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + addr.String() + "]"
	}
	if u.Port() == "" {
		return u.Scheme + "://" + host, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case err != nil:
		return "", errors.New("no such port")
	case u.Scheme == "http" && port == 80, u.Scheme == "https" && port == 443:
		return u.Scheme + "://" + host, nil
	default:
		return fmt.Sprintf("%s://%s:%d", u.Scheme, host, port), nil
	}
}

// foreign reports whether no host has a character.
func foreign(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("*,/\\@?#%", r) }
