// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/registry"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	tests := []struct {
		key, network, addr string // addr "": an error
	}{
		{"tcp@127.0.0.1:8972", "tcp", "127.0.0.1:8972"},
		{"127.0.0.1:8972", "tcp", "127.0.0.1:8972"},
		{"tcp@[::1]:8972", "tcp", "[::1]:8972"},
		{"[::1]:8972", "tcp", "[::1]:8972"},
		{"unix@/run/arith.sock", "unix", "/run/arith.sock"},
		{"unix@@arith", "unix", "@arith"},
		{"tcp@user@host:1", "tcp", "user@host:1"},
		{"kcp@host:1?x=y", "kcp", "host:1?x=y"},
		{"a b@\x00\xff", "a b", "\x00\xff"},
		{"", "", ""},
		{"@", "", ""},
		{"tcp@", "", ""},
		{"@host:1", "", ""},
		{"@@", "", ""},
		{strings.Repeat("x", 100_000) + "@", "", ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.30s", tt.key), func(t *testing.T) {
			t.Parallel()
			network, addr, err := registry.ParseKey(tt.key)
			if network != tt.network || addr != tt.addr {
				t.Errorf("ParseKey(%q) = %q, %q, want %q, %q", tt.key, network, addr, tt.network, tt.addr)
			}
			if (err != nil) != (tt.addr == "") {
				t.Errorf("ParseKey(%q): error %v", tt.key, err)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("ParseKey: the error's text has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestParseMeta(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("a=1&", 5_000)
	tests := []struct {
		name, query string
		want        url.Values
		bad         bool
	}{
		{"nothing", "", url.Values{}, false},
		{"one", "weight=3", url.Values{"weight": {"3"}}, false},
		{"several", "weight=3&group=g1&state=active", url.Values{"weight": {"3"}, "group": {"g1"}, "state": {"active"}}, false},
		{"twice", "group=g1&group=g2", url.Values{"group": {"g1", "g2"}}, false},
		{"very often", many, url.Values{"a": slices.Repeat([]string{"1"}, 5_000)}, false},
		{"escaped", "k%26=a%3Db+c%00", url.Values{"k&": {"a=b c\x00"}}, false},
		{"no value", "a&b=", url.Values{"a": {""}, "b": {""}}, false},
		{"no key", "=v", url.Values{"": {"v"}}, false},
		{"beyond all measure", strings.Repeat(many, 100), url.Values{}, true},
		{"bad and long", "a=%zz" + strings.Repeat("z", 100_000), url.Values{}, true},
		{"separators only", "&&&", url.Values{}, false},
		{"not UTF-8", "a=%ff", url.Values{"a": {"\xff"}}, false},
		{"bad escape", "%zz", url.Values{}, true},
		{"bad escape among good", "a=1&b=%zz&c=3", url.Values{"a": {"1"}, "c": {"3"}}, true},
		{"cut escape", "a=1&b=%4", url.Values{"a": {"1"}}, true},
		{"semicolon", "a=1;b=2&c=3", url.Values{"c": {"3"}}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := registry.ParseMeta(tt.query)
			if !maps.EqualFunc(got, tt.want, slices.Equal) {
				t.Errorf("ParseMeta(%.40q) = %q, want %q", tt.query, got, tt.want)
			}
			if (err != nil) != tt.bad {
				t.Errorf("ParseMeta(%.40q): error %v, want one: %v", tt.query, err, tt.bad)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("ParseMeta(%.40q): the error's text has %d bytes", tt.query, len(err.Error()))
			}
		})
	}
}

func TestFormatMeta(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		meta url.Values
		want string
	}{
		{"nil", nil, ""},
		{"empty", url.Values{}, ""},
		{"ordered", url.Values{"weight": {"3"}, "group": {"g1", "g2"}, "state": {"active"}}, "group=g1&group=g2&state=active&weight=3"},
		{"empty key and value", url.Values{"": {""}}, "="},
		{"escaped", url.Values{"k&": {"a=b c\x00\xff@é"}}, "k%26=a%3Db+c%00%FF%40%C3%A9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := registry.FormatMeta(tt.meta); got != tt.want {
				t.Errorf("FormatMeta(%q) = %q, want %q", tt.meta, got, tt.want)
			}
		})
	}
}

func FuzzMeta(f *testing.F) {
	for _, s := range []string{"", "weight=3&group=g1&group=g2", "%zz", "a=1;b=2", "=&=", "a=%ff&%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		meta, err := registry.ParseMeta(query)
		if meta == nil {
			t.Fatal("no map")
		}
		if err != nil && err.Error() == "" {
			t.Fatal("an error without a text")
		}
		again, err := registry.ParseMeta(registry.FormatMeta(meta))
		if err != nil || !maps.EqualFunc(again, meta, slices.Equal) {
			t.Fatalf("%q came back as %q, %v", meta, again, err)
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{"", "@", "tcp@127.0.0.1:80", "127.0.0.1:80", "unix@@name"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		network, addr, err := registry.ParseKey(key)
		if err != nil {
			return
		}
		in := registry.Instance{Network: network, Addr: addr}
		if n, a, err := registry.ParseKey(in.Key()); err != nil || n != network || a != addr {
			t.Fatalf("%q is %q and %q, and then %q and %q, %v", key, network, addr, n, a, err)
		}
	})
}

func TestInstanceEqual(t *testing.T) {
	t.Parallel()
	in := registry.Instance{Service: "Arith", Network: "tcp", Addr: "a:1", Meta: url.Values{"weight": {"3"}}}
	change := func(f func(*registry.Instance)) registry.Instance {
		c := in
		c.Meta = maps.Clone(in.Meta)
		f(&c)
		return c
	}
	tests := []struct {
		name  string
		other registry.Instance
		want  bool
	}{
		{"a copy", change(func(*registry.Instance) {}), true},
		{"another service", change(func(i *registry.Instance) { i.Service = "Echo" }), false},
		{"another network", change(func(i *registry.Instance) { i.Network = "unix" }), false},
		{"another address", change(func(i *registry.Instance) { i.Addr = "a:2" }), false},
		{"another value", change(func(i *registry.Instance) { i.Meta.Set("weight", "4") }), false},
		{"one more key", change(func(i *registry.Instance) { i.Meta.Set("state", "") }), false},
		{"no metadata", change(func(i *registry.Instance) { i.Meta = nil }), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if in.Equal(tt.other) != tt.want || tt.other.Equal(in) != tt.want {
				t.Errorf("Equal = %v and %v, want %v", in.Equal(tt.other), tt.other.Equal(in), tt.want)
			}
		})
	}
	bare := registry.Instance{}
	if empty := (registry.Instance{Meta: url.Values{}}); !bare.Equal(empty) {
		t.Error("no metadata and empty metadata are not equal")
	}
	if got := in.Key(); got != "tcp@a:1" {
		t.Errorf("Key() = %q, want tcp@a:1", got)
	}
}
