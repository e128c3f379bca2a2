// SPDX-License-Identifier: Apache-2.0

package httpcall

import (
	"net/http"
	"strings"
)

// Meant returns the request that a browser asks about, as far as it can be told what that
// will be like; r itself if it is no such question.
func Meant(r *http.Request) *http.Request {
	method := r.Header.Get("Access-Control-Request-Method")
	if r.Method != http.MethodOptions || method == "" {
		return r
	}
	m := r.WithContext(r.Context())
	m.Method, m.Header = method, make(http.Header)
	for name := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		value := "true"
		if name = strings.TrimSpace(name); strings.EqualFold(name, "Content-Type") {
			value = "application/json" // others need no question
		}
		m.Header.Set(name, value)
	}
	return m
}
