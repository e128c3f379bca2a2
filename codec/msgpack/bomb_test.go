// SPDX-License-Identifier: Apache-2.0

package msgpack_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/msgpack"
)

// tree can be decoded recursively from maps alone.
type tree map[string]tree

// targets are the kinds of values that payloads meet.
func targets() map[string]func() any {
	return map[string]func() any{
		"struct":         func() any { return new(vectors.Everything) },
		"any":            func() any { return new(any) },
		"any list":       func() any { return new([]any) },
		"structs":        func() any { return new([]vectors.Everything) },
		"any map":        func() any { return new(map[string]any) },
		"string map":     func() any { return new(map[string]string) },
		"any keys":       func() any { return new(map[any]any) },
		"recursive map":  func() any { return new(tree) },
		"bytes":          func() any { return new([]byte) },
		"string":         func() any { return new(string) },
		"strings":        func() any { return new([]string) },
		"own methods":    func() any { return new(generated) },
		"unknown fields": func() any { return new(struct{}) },
	}
}

// TestLengthBombs: a few bytes that claim gigabytes. What is allocated is measured,
// so this test does not run beside others.
func TestLengthBombs(t *testing.T) {
	claims := map[string]string{
		"array32": "\xdd\xff\xff\xff\xff", "map32": "\xdf\xff\xff\xff\xff", "map32 doubled": "\xdf\x80\x00\x00\x00",
		"bin32": "\xc6\xff\xff\xff\xff", "str32": "\xdb\xff\xff\xff\xff", "ext32": "\xc9\xff\xff\xff\xff\x01",
		"array16": "\xdc\xff\xff", "map16": "\xde\xff\xff", "bin16": "\xc5\xff\xff", "ext16": "\xc8\xff\xff\x01",
		"one too many in an array": "\xdd\x00\x00\x00\x65", "one too many in a map": "\xdf\x00\x00\x00\x33",
	}
	places := map[string]func(bomb string) string{
		"top":           func(b string) string { return b },
		"known field":   func(b string) string { return "\x81\xa4Nums" + b },
		"unknown field": func(b string) string { return "\x81\xa7unknown" + b },
		"key":           func(b string) string { return "\x81" + b },
		"in a list":     func(b string) string { return "\x91" + b },
	}
	padding := strings.Repeat("\x00", 100)
	for claim, bomb := range claims {
		for place, put := range places {
			for target, newTarget := range targets() {
				t.Run(claim+"/"+place+"/"+target, func(t *testing.T) {
					refused(t, []byte(put(bomb)+padding), newTarget())
				})
			}
		}
	}
}

// TestExtensionBombs: what an extension holds is opaque, but where a map is wanted
// the library reads it as one. A map's length hidden there must not be believed.
func TestExtensionBombs(t *testing.T) {
	for name, data := range map[string]string{
		"map32":        "\xc7\x05\x01\xdf\xff\xff\xff\xff",
		"map16":        "\xc7\x03\x01\xde\xff\xff",
		"fixmap":       "\xd4\x01\x8f",
		"nil and rest": "\xc7\x02\x01\xc0\xdd",
		"empty":        "\xc7\x00\x01\x80",
		"fixext":       "\xd8\x01\xdf\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"in a field":   "\x81\xa1M\xc7\x05\x01\xdf\xff\xff\xff\xff",
	} {
		for _, target := range []func() any{
			func() any { return new(map[string]any) },
			func() any { return new(map[string]string) },
			func() any { return new(map[int]int) },
			func() any { return new(tree) },
			func() any { return new(struct{ M map[string]any }) },
		} {
			t.Run(name, func(t *testing.T) {
				refused(t, []byte(data), target())
			})
		}
	}
}

// refused checks that decoding is an error and takes no memory to speak of.
func refused(t *testing.T, data []byte, v any) {
	t.Helper()
	const enough = 64 << 10 // for the error and a new decoder
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := msgpack.Codec{}.Unmarshal(data, v)
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Errorf("%x was decoded into %T", data, v)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > enough {
		t.Errorf("refusing %x took %d bytes of memory", data, got)
	}
}

// TestNestingBombs: a Go program does not survive a stack overflow.
func TestNestingBombs(t *testing.T) {
	t.Parallel()
	repeat := func(s string, n int) string { return strings.Repeat(s, n) }
	for name, data := range map[string]string{
		"3M arrays":                   repeat("\x91", 3<<20) + "\xc0",
		"16M arrays":                  repeat("\x91", 16<<20),
		"arrays in an unknown field":  "\x81\xa1X" + repeat("\x91", 16<<20),
		"arrays in a known field":     "\x81\xa4Nums" + repeat("\x91", 16<<20),
		"8M maps in an unknown field": "\x81\xa1X" + repeat("\x81\xa1k", 8<<20) + "\xc0",
		"maps":                        repeat("\x81\xa1k", 4<<20) + "\xc0",
		"maps as keys":                repeat("\x81", 4<<20) + "\xc0",
		"array16":                     repeat("\xdc\x00\x01", 4<<20) + "\xc0",
		"array32":                     repeat("\xdd\x00\x00\x00\x01", 3<<20) + "\xc0",
		"one over the limit":          repeat("\x91", codec.MaxDepth) + "\x90",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload := []byte(data)
			for target, newTarget := range targets() {
				if err := (msgpack.Codec{}).Unmarshal(payload, newTarget()); err == nil {
					t.Errorf("decoded into %s", target)
				}
			}
		})
	}
}

// TestNestingByExtension: 3M pairs side by side, in a map that is not deep, until the
// library takes each value for a map that the next pair belongs to.
func TestNestingByExtension(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"fixext 1": "\xd4\x01\x81", "interned string": "\xd4\x80\x81", "ext 8": "\xc7\x01\x01\x81", "empty": "\xc7\x00\x01",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := "\xdf\x00\x30\x00\x00" + strings.Repeat("\xa1k"+value, 3<<20)
			var m tree
			if err := (msgpack.Codec{}).Unmarshal([]byte(data), &m); err == nil {
				t.Error("decoded")
			}
		})
	}
}

func TestDeepestValue(t *testing.T) {
	t.Parallel()
	data := append(bytes.Repeat([]byte{0x91}, codec.MaxDepth-1), 0x90)
	var v any
	if err := (msgpack.Codec{}).Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	depth := 0
	for list, ok := v.([]any); ok; depth++ {
		if len(list) == 0 {
			depth++
			break
		}
		list, ok = list[0].([]any)
	}
	if depth != codec.MaxDepth {
		t.Errorf("decoded %d lists, want %d", depth, codec.MaxDepth)
	}
}
