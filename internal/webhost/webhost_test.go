// SPDX-License-Identifier: Apache-2.0

package webhost_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/internal/webhost"
)

func TestList(t *testing.T) {
	t.Parallel()
	list := webhost.List{"app.example.com", "Calls.example.com:8972"}
	tests := map[string]struct{ names, admits, fixed bool }{
		"app.example.com":              {true, true, false},
		"APP.example.com:80":           {true, true, false},
		"app.example.com.":             {true, true, false},
		"app.example.com.:80":          {true, true, false},
		"calls.example.com:8972":       {true, true, false},
		"calls.example.com:80":         {false, false, false},
		"calls.example.com":            {false, false, false},
		"evil.example":                 {false, false, false},
		"evil.example:8972":            {false, false, false},
		"app.example.com.evil":         {false, false, false},
		"x.app.example.com":            {false, false, false},
		"xapp.example.com":             {false, false, false},
		"127.0.0.1.evil.example":       {false, false, false},
		"localhost.evil.example":       {false, false, false},
		"app.example.com@evil":         {false, false, false},
		"127.0.0.1":                    {false, true, true},
		"10.0.0.1:8972":                {false, true, true},
		"[::1]":                        {false, true, true},
		"[fe80::1%25eth0]:8972":        {false, true, true},
		"localhost":                    {false, true, true},
		"LocalHost:8972":               {false, true, true},
		"x.localhost":                  {false, false, false},
		"0x7f.1":                       {false, false, false},
		"":                             {false, true, false},
		":80":                          {false, false, false},
		"[":                            {false, false, false},
		"evil.example:app.example.com": {false, false, false},
	}
	for host, want := range tests {
		if list.Names(host) != want.names || list.Admits(host) != want.admits || webhost.Fixed(host) != want.fixed {
			t.Errorf("%q: named %v, admitted %v, fixed %v", host, list.Names(host), list.Admits(host), webhost.Fixed(host))
		}
		if !webhost.List(nil).Admits(host) {
			t.Errorf("%q is not admitted without a list", host)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := webhost.List{"app.example.com", "app.example.com:80", "10.0.0.1", "::1", "[::1]:80", "host"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "https://app.example.com", "app.example.com/", "*", "*.example.com", ":80", "a b"} {
		if (webhost.List{bad}).Check() == nil {
			t.Errorf("%q is taken for a name", bad)
		}
	}
}
