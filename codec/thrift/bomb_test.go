// SPDX-License-Identifier: Apache-2.0

package thrift_test

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/thrift"
	"github.com/rpcx-go/rpcx/codec/thrift/internal/thriftpb"
	"github.com/rpcx-go/rpcx/protocol"
)

// Heads of fields: a type and a number.
const (
	stop       = "\x00"
	inner      = "\x0c\x00\x0d" // TAll's struct
	kids       = "\x0f\x00\x02" // TTree's list
	named      = "\x0d\x00\x03" // TTree's map
	structType = "\x0c"
	byteType   = "\x03"
)

// size is the length of a string or a container.
func size(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// nested returns n trees, each the only kid of the one around it.
func nested(n int, elementType string) string {
	return strings.Repeat(kids+elementType+size(1), n-1) + stop + strings.Repeat(stop, n-1)
}

// TestNestingBombs: a Go program does not survive a stack overflow.
func TestNestingBombs(t *testing.T) {
	t.Parallel()
	open := strings.Repeat
	for name, data := range map[string]string{
		"lists":                       open(kids+structType+size(1), 1<<21),
		"maps":                        open(named+"\x0b\x0c"+size(1)+size(0), 1<<20),
		"closed lists":                nested(1<<20, structType),
		"lists of bytes, so they say": open(kids+byteType+size(1), 1<<21),
		"one over the limit":          nested(codec.MaxDepth+1, structType),
		"unknown structs":             open("\x0c\x00\x63", 1<<22),
		"unknown lists":               "\x0f\x00\x63" + open("\x0f"+size(1), 1<<21),
		"unknown maps":                "\x0d\x00\x63" + open("\x0d\x0d"+size(1), 1<<21),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := thrift.Codec{}.Unmarshal([]byte(data), new(thriftpb.TTree))
			check(t, name, err)
		})
	}
}

func TestDeepestStruct(t *testing.T) {
	t.Parallel()
	for name, elementType := range map[string]string{"structs": structType, "bytes, so they say": byteType} {
		var tree thriftpb.TTree
		if err := (thrift.Codec{}).Unmarshal([]byte(nested(codec.MaxDepth, elementType)), &tree); err != nil {
			t.Errorf("lists of %s: %v", name, err)
		}
		depth := 1
		for n := &tree; len(n.Kids) > 0; n = n.Kids[0] {
			depth++
		}
		if depth != codec.MaxDepth {
			t.Errorf("lists of %s: %d deep, want %d", name, depth, codec.MaxDepth)
		}
	}
}

// TestDepthIsCountedAnew: structs beside each other are not within each other, and
// what a payload did does not meet the next.
func TestDepthIsCountedAnew(t *testing.T) {
	t.Parallel()
	wide := kids + structType + size(3*codec.MaxDepth) + strings.Repeat(stop, 3*codec.MaxDepth) + stop
	for range 3 {
		var tree thriftpb.TTree
		if err := (thrift.Codec{}).Unmarshal([]byte(wide), &tree); err != nil || len(tree.Kids) != 3*codec.MaxDepth {
			t.Fatalf("%d kids, %v", len(tree.Kids), err)
		}
		if err := (thrift.Codec{}).Unmarshal([]byte(nested(codec.MaxDepth+1, structType)), &tree); err == nil {
			t.Fatal("too deep a struct was decoded")
		}
	}
}

// TestLengthBombs: a few bytes that claim gigabytes. What is allocated is measured, so
// this test does not run beside others.
func TestLengthBombs(t *testing.T) {
	padding := strings.Repeat(stop, 100)
	for name, data := range map[string]string{
		"string":              "\x0b\x00\x07" + size(1<<31-1),
		"string over by one":  "\x0b\x00\x07" + size(101),
		"negative string":     "\x0b\x00\x07" + size(1<<32-1),
		"binary":              "\x0b\x00\x08" + size(1<<31-1),
		"negative binary":     "\x0b\x00\x08" + size(1<<31),
		"list":                "\x0f\x00\x09\x08" + size(1<<31-1),
		"list of bytes":       "\x0f\x00\x09\x03" + size(1<<31-1),
		"negative list":       "\x0f\x00\x09\x03" + size(1<<32-1),
		"list over by one":    "\x0f\x00\x0a\x03" + size(101),
		"list of structs":     "\x0f\x00\x0e\x0c" + size(1<<31-1),
		"list of no type":     "\x0f\x00\x0e\x7f" + size(1<<31-1),
		"set":                 "\x0e\x00\x0b\x08" + size(1<<31-1),
		"negative set":        "\x0e\x00\x0b\x08" + size(1<<31),
		"map":                 "\x0d\x00\x0c\x0b\x08" + size(1<<31-1),
		"map of bytes":        "\x0d\x00\x0c\x03\x03" + size(1<<30),
		"map over by one":     "\x0d\x00\x0c\x03\x03" + size(51),
		"negative map":        "\x0d\x00\x0c\x03\x03" + size(1<<32-1),
		"unknown string":      "\x0b\x00\x63" + size(1<<31-1),
		"unknown list":        "\x0f\x00\x63\x03" + size(1<<31-1),
		"unknown map":         "\x0d\x00\x63\x03\x03" + size(1<<31-1),
		"in a struct":         inner + "\x0b\x00\x01" + size(1<<31-1),
		"in a list of lists":  "\x0f\x00\x63\x0f" + size(1) + "\x03" + size(1<<31-1),
		"unknown in a struct": inner + "\x0f\x00\x63\x03" + size(1<<31-1),
	} {
		t.Run(name, func(t *testing.T) {
			took := allocated(func() {
				check(t, name, thrift.Codec{}.Unmarshal([]byte(data+padding), new(thriftpb.TAll)))
			})
			if took > 64<<10 {
				t.Errorf("refusing it took %d bytes of memory", took)
			}
		})
	}
}

// TestAnnouncedElements: each list announces all the bytes that are left, which is not
// too much for it alone. Generated code allocates for each.
func TestAnnouncedElements(t *testing.T) {
	const levels, level = 900, len(kids) + 1 + 4
	var data strings.Builder
	total := levels*level + 1<<20
	for i := range levels {
		data.WriteString(kids + byteType + size(uint32(total-(i+1)*level)))
	}
	data.WriteString(strings.Repeat(stop, 1<<20))
	payload := []byte(data.String())
	took := allocated(func() {
		check(t, "nested lists", thrift.Codec{}.Unmarshal(payload, new(thriftpb.TTree)))
	})
	if limit := uint64(16 * len(payload)); took > limit {
		t.Errorf("refusing %d bytes took %d bytes of memory, want at most %d", len(payload), took, limit)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzUnmarshal looks for inputs that take the process down, and for decoded structs
// that cannot be sent on.
func FuzzUnmarshal(f *testing.F) {
	for _, p := range vectors.Load(f, "../..", protocol.Thrift) {
		f.Add(p.Data)
	}
	f.Add([]byte(nested(5, structType)))
	f.Add([]byte(nested(5, byteType)))
	f.Add([]byte(named + "\x0b\x0c" + size(1) + size(0) + stop + stop))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := thrift.Codec{}
		for _, v := range []any{new(thriftpb.TAll), new(thriftpb.TTree), new(thriftpb.TArgs_)} {
			if err := c.Unmarshal(data, v); err != nil {
				check(t, "Unmarshal", err)
				continue
			}
			out, err := c.Append(nil, v)
			if err != nil {
				if strings.Contains(err.Error(), "not unique") {
					continue // the compiler's code does not look when it reads a set
				}
				t.Fatalf("%+v was decoded and cannot be encoded: %v", v, err)
			}
			if err := c.Unmarshal(out, v); err != nil {
				t.Errorf("%+v was encoded as %x, which cannot be decoded: %v", v, out, err)
			}
		}
	})
}
