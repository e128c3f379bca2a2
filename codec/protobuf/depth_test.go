// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// nested returns n messages, each field 2 of the one around it, around inner.
func nested(n int, inner string) []byte {
	b := []byte(inner) // built back to front
	slices.Reverse(b)
	for range n {
		head := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.BytesType), uint64(len(b)))
		slices.Reverse(head)
		b = append(b, head...)
	}
	slices.Reverse(b)
	return b
}

// In letters: s and t open and close group 14, h is field 13 as a varint, z is field 15
// as bytes, v is no field.
func TestCheckDepth(t *testing.T) {
	t.Parallel()
	const limit = 3
	for name, tt := range map[string]struct {
		data string
		deep bool
	}{
		"messages at the limit":              {string(nested(3, "")), false},
		"messages over it":                   {string(nested(4, "")), true},
		"around a field":                     {string(nested(4, "hh")), true},
		"around a field, at the limit":       {string(nested(3, "hh")), false},
		"beside others":                      {"hhhh" + string(nested(4, "")) + "hh", true},
		"in front of what is none":           {string(nested(4, "")) + "vvvv", true},
		"behind what is none":                {"v" + string(nested(4, "")), false},
		"in what turns out to be none":       {string(nested(1, string(nested(3, ""))+"v")), true},
		"in what was known to be none":       {string(nested(1, "v"+string(nested(3, "")))), false},
		"side by side":                       {strings.Repeat(string(nested(3, "")), 9), false},
		"behind an opaque string":            {"z\x05vvvvv" + string(nested(4, "")), true},
		"groups at the limit":                {"ssshhttt", false},
		"groups within one left open":        {"ssssshttttt", false}, // h takes the first t
		"closed groups over it":              {"sssstttt", true},
		"groups that are not closed":         {"ssssssssssssssss", false},
		"one that is not closed":             {"ssssttt", false},
		"one closed too often":               {"ssstttt", false},
		"closed by another number":           {"ssss\x0c\x0c\x0c\x0c", true},
		"groups in messages":                 {string(nested(2, "sstt")), true},
		"groups in messages, at the limit":   {string(nested(2, "st")), false},
		"messages in groups":                 {"ss" + string(nested(2, "")) + "tt", true},
		"messages in groups left open":       {"ss" + string(nested(3, "")), false},
		"chain in groups left open":          {"ss" + string(nested(5, "")), false},
		"text in a message":                  {string(nested(1, "sssssssssssss")), false},
		"text in front of others":            {string(nested(1, "sssssssssssss")) + string(nested(4, "")), true},
		"varint of ten bytes":                {"h\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + string(nested(4, "")), true},
		"varint of eleven bytes":             {"h\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00" + string(nested(4, "")), false},
		"fixed fields":                       {"\x091234567\x08\x0d1234" + string(nested(4, "")), true},
		"fixed field cut":                    {"\x0d123", false},
		"field number 0":                     {"\x02\x00" + string(nested(4, "")), false},
		"field number over 31 bits":          {"\x82\x80\x80\x80\x40\x00" + string(nested(4, "")), false},
		"length 2^32-1":                      {"\x12\xff\xff\xff\xff\x0f" + string(nested(4, "")), false},
		"length 2^64-1":                      {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + string(nested(4, "")), false},
		"length over the message around it":  {"\x12\x03\x12\x02x", false},
		"ends within a tag":                  {"hhhh\xff", false},
		"a list of packed numbers":           {"\x12\x08\x01\x02\x03\x04\x05\x06\x07\x08", false},
		"empty messages":                     {"\x12\x00\x12\x00\x12\x00", false},
		"a message of the length of a group": {"\x12\x02st", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := checkDepth([]byte(tt.data), limit); (err != nil) != tt.deep {
				t.Errorf("checkDepth(%q) = %v", tt.data, err)
			}
		})
	}
}

// TestOpenGroups: what may well be text passes, unless skipping it could exhaust the
// stack of a decoder that recurses.
func TestOpenGroups(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("s", maxOpen-2)
	if err := checkDepth(nested(1, text), 1000); err != nil {
		t.Errorf("a string of %d: %v", len(text), err)
	}
	if err := checkDepth(nested(1, text+"s"), 1000); !errors.Is(err, errOpenGroups) {
		t.Errorf("a string of %d: %v", len(text)+1, err)
	}
}

// reachable is a slow and plain statement of how deep decoders can recurse: into
// everything that could be a message as soon as they meet it, and into groups that are
// closed. It returns the depth below b and whether b is a message.
func reachable(b []byte) (depth int, valid bool) {
	for len(b) > 0 {
		tag, n := generatedVarint(b)
		if n == 0 || int32(tag>>3) <= 0 {
			return depth, false
		}
		b = b[n:]
		switch kind := protowire.Type(tag & 7); kind {
		case protowire.BytesType:
			size, n := generatedVarint(b)
			if n == 0 || size > uint64(len(b)-n) {
				return depth, false
			}
			below, _ := reachable(b[n : n+int(size)])
			depth = max(depth, below+1)
			b = b[n+int(size):]
		case protowire.StartGroupType:
			body, rest, closed := group(b)
			if !closed {
				return depth, false
			}
			below, _ := reachable(body)
			depth = max(depth, below+1)
			b = rest
		default:
			rest, ok := scalar(b, kind)
			if !ok {
				return depth, false
			}
			b = rest
		}
	}
	return depth, true
}

// group splits b behind the end of the group whose start is just before it.
func group(b []byte) (body, rest []byte, closed bool) {
	all := b
	for open := 1; ; {
		tag, n := generatedVarint(b)
		if n == 0 || int32(tag>>3) <= 0 {
			return nil, nil, false
		}
		end := len(all) - len(b)
		b = b[n:]
		switch kind := protowire.Type(tag & 7); kind {
		case protowire.BytesType:
			size, n := generatedVarint(b)
			if n == 0 || size > uint64(len(b)-n) {
				return nil, nil, false
			}
			b = b[n+int(size):]
		case protowire.StartGroupType:
			open++
		case protowire.EndGroupType:
			if open--; open == 0 {
				return all[:end], b, true
			}
		default:
			var ok bool
			if b, ok = scalar(b, kind); !ok {
				return nil, nil, false
			}
		}
	}
}

func scalar(b []byte, kind protowire.Type) (rest []byte, ok bool) {
	n := 0
	switch kind {
	case protowire.VarintType:
		_, n = generatedVarint(b)
	case protowire.Fixed32Type:
		n = 4
	case protowire.Fixed64Type:
		n = 8
	}
	if n == 0 || n > len(b) {
		return nil, false
	}
	return b[n:], true
}

func generatedVarint(b []byte) (v uint64, n int) {
	for i := range min(len(b), 10) {
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// FuzzScan holds the walker against reachable.
func FuzzScan(f *testing.F) {
	for n := range 6 {
		f.Add(nested(n, ""))
		f.Add(nested(n, "sstt"))
		f.Add([]byte("ss" + string(nested(n, "")) + "tt"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			t.Skip("reachable is slow")
		}
		depth, _ := reachable(data)
		for limit := range 8 {
			if err := checkDepth(data, limit); (depth > limit) != (err != nil) {
				t.Errorf("%q can be %d deep, checkDepth(%d) says %v", data, depth, limit, err)
			}
		}
	})
}
