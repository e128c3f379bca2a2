// SPDX-License-Identifier: Apache-2.0

package webhost_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/internal/webhost"
)

// Origins are taken as browsers spell them, or refused: one that never matches helps nobody.
func TestParseOrigins(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"*":                                   "*",
		"null":                                "null",
		"https://app.example.com":             "https://app.example.com",
		"https://app.example.com/":            "https://app.example.com",
		"HTTPS://App.Example.COM":             "https://app.example.com",
		"https://app.example.com:443":         "https://app.example.com",
		"http://app.example.com:80/":          "http://app.example.com",
		"http://app.example.com:443":          "http://app.example.com:443",
		"http://localhost:3000":               "http://localhost:3000",
		"http://localhost:03000":              "http://localhost:3000",
		"http://[2001:DB8:0::1]:8080":         "http://[2001:db8::1]:8080",
		"http://[::1]":                        "http://[::1]",
		"chrome-extension://abcdefghijklmnop": "chrome-extension://abcdefghijklmnop",
		"capacitor://localhost":               "capacitor://localhost",
	} {
		got, err := webhost.ParseOrigins([]string{given})
		if err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%q is taken for %v, %v, want %q", given, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "app.example.com", "app.example.com:443", "//app.example.com", "https://", "https:///x", "https://:443", "file:///x",
		"https://app.example.com/page", "https://app.example.com?x=1", "https://app.example.com?", "https://app.example.com#x",
		"https://user@app.example.com", "https://*.example.com", "https://*", "https://bücher.example", "https://a b",
		"https://app.example.com:99999", "https://app.example.com:x", "https://a,https://b", "mailto:a@b",
	} {
		if got, err := webhost.ParseOrigins([]string{"*", bad}); err == nil || !strings.Contains(err.Error(), "origin") {
			t.Errorf("%q is taken for %v, %v", bad, got, err)
		}
	}
}
