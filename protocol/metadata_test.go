// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// list returns the pairs of md in wire order as k=v.
func list(md protocol.Metadata) string {
	var out []string
	for k, v := range md.All() {
		out = append(out, k+"="+v)
	}
	return strings.Join(out, " ")
}

func TestMetadataBuild(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		md   protocol.Metadata
		want string
		n    int
	}{
		{"zero value", protocol.Metadata{}, "", 0},
		{"no pairs", protocol.Pairs(), "", 0},
		{"pairs keep their order", protocol.Pairs("b", "1", "a", "2"), "b=1 a=2", 2},
		{"a last key without value", protocol.Pairs("a", "1", "b"), "a=1 b=", 2},
		{"empty key and value", protocol.Pairs("", ""), "=", 1},
		{"a key twice stays twice", protocol.Pairs("a", "1", "a", "2"), "a=1 a=2", 2},
		{"nil map", protocol.NewMetadata(nil), "", 0},
		{"map is ordered by key", protocol.NewMetadata(map[string]string{"c": "3", "a": "1", "b": "2"}), "a=1 b=2 c=3", 3},
		{"with a new key", protocol.Pairs("a", "1").With("b", "2"), "a=1 b=2", 2},
		{"with replaces", protocol.Pairs("a", "1", "b", "2").With("a", "3"), "b=2 a=3", 2},
		{"with replaces all of a key", protocol.Pairs("a", "1", "b", "2", "a", "3").With("a", "4"), "b=2 a=4", 2},
		{"with on the zero value", protocol.Metadata{}.With("a", "1"), "a=1", 1},
		{"without", protocol.Pairs("a", "1", "b", "2", "a", "3").Without("a"), "b=2", 1},
		{"without the last", protocol.Pairs("a", "1").Without("a"), "", 0},
		{"without what is not there", protocol.Pairs("a", "1").Without("b"), "a=1", 1},
		{"merge", protocol.Pairs("a", "1", "b", "2").Merge(protocol.Pairs("b", "3", "c", "4")), "a=1 b=3 c=4", 3},
		{"merge with nothing", protocol.Pairs("a", "1").Merge(protocol.Metadata{}), "a=1", 1},
		{"merge into nothing", protocol.Metadata{}.Merge(protocol.Pairs("a", "1")), "a=1", 1},
		{"merge with itself", protocol.Pairs("a", "1", "b", "2").Merge(protocol.Pairs("a", "1", "b", "2")), "a=1 b=2", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := list(c.md); got != c.want {
				t.Errorf("pairs are %q, want %q", got, c.want)
			}
			if c.md.Len() != c.n || c.md.IsZero() != (c.n == 0) {
				t.Errorf("Len is %d and IsZero %t, want %d pairs", c.md.Len(), c.md.IsZero(), c.n)
			}
			block, err := c.md.AppendBinary(nil)
			if err != nil || len(block) != c.md.Size() {
				t.Errorf("encoded to %d bytes (%v), Size says %d", len(block), err, c.md.Size())
			}
			again, err := protocol.ParseMetadata(block)
			if err != nil || again != c.md {
				t.Errorf("parsed again: %q, %v", list(again), err)
			}
		})
	}
}

func TestMetadataIsImmutable(t *testing.T) {
	t.Parallel()
	md := protocol.Pairs("a", "1", "b", "2")
	before := md
	_ = md.With("a", "x")
	_ = md.Without("a")
	_ = md.Merge(protocol.Pairs("b", "y"))
	md.Map()["a"] = "z"
	block, _ := md.AppendBinary(nil)
	parsed, err := protocol.ParseMetadata(block)
	if err != nil {
		t.Fatal(err)
	}
	clear(block)
	if md != before || list(md) != "a=1 b=2" || parsed != before {
		t.Errorf("changed: %q, parsed %q", list(md), list(parsed))
	}
}

func TestMetadataLookup(t *testing.T) {
	t.Parallel()
	md := protocol.Pairs("a", "1", "", "empty key", "b", "", "a", "2", "\xff\x00\r\n", "binary \x1b[31m")
	block, _ := md.AppendBinary(nil)
	for _, c := range []struct {
		key, value string
		ok         bool
	}{
		{"a", "2", true},
		{"", "empty key", true},
		{"b", "", true},
		{"c", "", false},
		{"A", "", false},
		{"\xff\x00\r\n", "binary \x1b[31m", true},
	} {
		value, ok := md.Lookup(c.key)
		if value != c.value || ok != c.ok || md.Get(c.key) != c.value {
			t.Errorf("Lookup(%q) is %q, %t, want %q, %t", c.key, value, ok, c.value, c.ok)
		}
		raw, ok := protocol.LookupBlock(block, c.key)
		if string(raw) != c.value || ok != c.ok {
			t.Errorf("LookupBlock(%q) is %q, %t, want %q, %t", c.key, raw, ok, c.value, c.ok)
		}
	}
}

func TestMetadataMap(t *testing.T) {
	t.Parallel()
	if m := (protocol.Metadata{}).Map(); m != nil {
		t.Errorf("map of nothing is %v, want nil", m)
	}
	got := protocol.Pairs("a", "1", "b", "2", "a", "3").Map()
	if want := map[string]string{"a": "3", "b": "2"}; !maps.Equal(got, want) {
		t.Errorf("map is %v, want %v", got, want)
	}
}

func TestMetadataAllStopsEarly(t *testing.T) {
	t.Parallel()
	var keys []string
	for k := range protocol.Pairs("a", "1", "b", "2", "c", "3").All() {
		if keys = append(keys, k); k == "b" {
			break
		}
	}
	if !slices.Equal(keys, []string{"a", "b"}) {
		t.Errorf("keys are %v", keys)
	}
}

// hostileBlocks are metadata blocks that are not lists of pairs, with the value
// that the key k has before the fault.
func hostileBlocks() map[string]struct {
	block []byte
	k     string
} {
	good := protocol.AppendPair(nil, "k", "v")
	with := func(tail ...byte) []byte { return append(bytes.Clone(good), tail...) }
	type entry = struct {
		block []byte
		k     string
	}
	return map[string]entry{
		"1 byte":                     {[]byte{0}, ""},
		"3 bytes":                    {[]byte{0, 0, 0}, ""},
		"length without key":         {[]byte{0, 0, 0, 1}, ""},
		"key without value":          {[]byte{0, 0, 0, 1, 'k'}, ""},
		"empty key without value":    {[]byte{0, 0, 0, 0}, ""},
		"key past the end":           {[]byte{0, 0, 0, 9, 'k', 0, 0, 0, 0}, ""},
		"key of 2^32-1":              {[]byte{255, 255, 255, 255, 'k'}, ""},
		"key of 2^31":                {[]byte{128, 0, 0, 0, 'k'}, ""},
		"key that wraps":             {[]byte{255, 255, 255, 252, 0, 0, 0, 0}, ""},
		"value past the end":         {[]byte{0, 0, 0, 1, 'k', 0, 0, 0, 2, 'v'}, ""},
		"value of 2^32-1":            {[]byte{0, 0, 0, 1, 'k', 255, 255, 255, 255, 'v'}, ""},
		"2 bytes behind a good pair": {with(0, 0), "v"},
		"bad pair behind a good one": {with(0, 0, 0, 1, 'k', 0, 0, 0, 200, 'x'), "v"},
	}
}

func TestMetadataHostileBlocks(t *testing.T) {
	t.Parallel()
	for name, c := range hostileBlocks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if md, err := protocol.ParseMetadata(c.block); !errors.Is(err, protocol.ErrMalformed) || !md.IsZero() {
				t.Errorf("ParseMetadata gave %q and %v, want nothing and ErrMalformed", list(md), err)
			}
			if v, ok := protocol.LookupBlock(c.block, "k"); string(v) != c.k || ok != (c.k != "") {
				t.Errorf("LookupBlock gave %q, %t, want %q", v, ok, c.k)
			}
			// The same block inside a frame makes the frame malformed.
			dst, mark := protocol.AppendHead(nil, &protocol.Header{}, "Arith", "Mul")
			dst = mark.EndMetadata(append(dst, c.block...))
			if err := mark.Finish(dst); err != nil {
				t.Fatal(err)
			}
			var f protocol.Frame
			if err := f.Parse(dst, defaults()); !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("Parse of a frame with it: %v, want ErrMalformed", err)
			}
		})
	}
}

// The errors say which pair is at fault, so that a peer's author can find it.
func TestMetadataErrorText(t *testing.T) {
	t.Parallel()
	_, err := protocol.ParseMetadata(append(protocol.AppendPair(nil, "k", "v"), 0, 0, 0, 0))
	if want := "protocol: malformed frame: metadata value 1 is missing or runs past the block of 14 bytes"; fmt.Sprint(err) != want {
		t.Errorf("text is %q, want %q", err, want)
	}
}

func TestLookupBlockSharesMemory(t *testing.T) {
	t.Parallel()
	block := protocol.AppendPair(nil, "k", "v")
	v, _ := protocol.LookupBlock(block, "k")
	block[len(block)-1] = 'w'
	if string(v) != "w" {
		t.Error("the value is a copy")
	}
	_ = append(v, "more"...)
	if string(block[len(block)-1:]) != "w" || len(block) != 10 {
		t.Error("append reached into the block")
	}
}
