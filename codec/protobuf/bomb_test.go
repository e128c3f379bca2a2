// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/protobuf"
	"github.com/rpcx-go/rpcx/codec/protobuf/internal/pbtest"
	"github.com/rpcx-go/rpcx/protocol"
)

// nested returns n trees, each a child of the one around it, around inner.
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

func targets() map[string]func() any {
	return map[string]func() any{
		"google":          func() any { return new(pbtest.Tree) },
		"all":             func() any { return new(pbtest.All) },
		"own methods":     func() any { return new(ownTree) },
		"vtprotobuf":      func() any { return new(vtArgs) },
		"golang/protobuf": func() any { return new(v1Args) },
	}
}

// TestBombs: a Go program does not survive a stack overflow. What is not nested as
// messages of its type is unknown to a target, and may be skipped or refused.
func TestBombs(t *testing.T) {
	t.Parallel()
	repeat := strings.Repeat
	for name, tt := range map[string]struct {
		data    string
		refused []string
	}{
		"2M groups":                {repeat("\x13", 2<<20), []string{"google", "all", "own methods", "vtprotobuf", "golang/protobuf"}},
		"16M groups":               {repeat("\x13", 16<<20), []string{"google", "all", "own methods", "vtprotobuf", "golang/protobuf"}},
		"2M closed groups":         {repeat("\x13", 2<<20) + repeat("\x14", 2<<20), []string{"google", "all", "own methods", "vtprotobuf", "golang/protobuf"}},
		"unknown groups":           {repeat("\xa3\x06", 2<<20), []string{"google", "all", "own methods", "vtprotobuf", "golang/protobuf"}},
		"groups in a child":        {"\x12\x80\x80\x80\x08" + repeat("\x13", 16<<20), []string{"google", "own methods"}},
		"messages":                 {string(nested(3<<20, "")), []string{"google", "own methods", "vtprotobuf"}},
		"one over the limit":       {string(nested(codec.MaxDepth+1, "")), []string{"google", "own methods"}},
		"length 2^32-1":            {"\x12\xff\xff\xff\xff\x0f", []string{"google", "all", "own methods", "vtprotobuf", "golang/protobuf"}},
		"length 2^63-1":            {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", []string{"google", "all", "own methods", "vtprotobuf", "golang/protobuf"}},
		"length 2^64-1":            {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", []string{"google", "all", "own methods", "vtprotobuf", "golang/protobuf"}},
		"length 2^32-1 in a child": {"\x12\x06\x12\xff\xff\xff\xff\x0f", []string{"google", "own methods"}},
		"negative when added to":   {"\x12\xfb\xff\xff\xff\xff\xff\xff\xff\x7f", []string{"google", "all", "own methods", "vtprotobuf", "golang/protobuf"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload := []byte(tt.data)
			for target, newTarget := range targets() {
				err := protobuf.Codec{}.Unmarshal(payload, newTarget())
				if err == nil && slices.Contains(tt.refused, target) {
					t.Errorf("decoded into %s", target)
				}
			}
		})
	}
}

func TestDeepestMessage(t *testing.T) {
	t.Parallel()
	// The string in the innermost looks like one message more.
	data := nested(codec.MaxDepth-1, "\x0a\x00")
	if err := (protobuf.Codec{}).Unmarshal(data, new(pbtest.Tree)); err != nil {
		t.Errorf("google: %v", err)
	}
	var own ownTree
	if err := (protobuf.Codec{}).Unmarshal(data, &own); err != nil || own.deepest != codec.MaxDepth {
		t.Errorf("own methods: %d deep, %v", own.deepest, err)
	}
}

// TestTextThatLooksLikeGroups: 0x73 opens group 14.
func TestTextThatLooksLikeGroups(t *testing.T) {
	t.Parallel()
	want := &ownTree{name: []byte(strings.Repeat("s", 1<<19))}
	data, err := protobuf.Codec{}.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	var got ownTree
	if err := (protobuf.Codec{}).Unmarshal(data, &got); err != nil || string(got.name) != string(want.name) {
		t.Errorf("%d letters came back as %d, %v", len(want.name), len(got.name), err)
	}
}

// FuzzUnmarshal looks for inputs that take the process down or that the check lets
// through too deep, and for generations of code that disagree.
func FuzzUnmarshal(f *testing.F) {
	for _, p := range vectors.Load(f, "../..", protocol.ProtoBuffer) {
		f.Add(p.Data)
	}
	f.Add(nested(5, ""))
	f.Add([]byte("\x0a\x01a\x12\x05\x0a\x01b\x12\x00\x13\x14"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := protobuf.Codec{}
		for _, newTarget := range targets() {
			v := newTarget()
			if err := c.Unmarshal(data, v); err != nil {
				continue
			}
			if _, err := c.Append(nil, v); err != nil {
				t.Errorf("%T %v was decoded and cannot be encoded: %v", v, v, err)
			}
		}
		var own ownTree
		ownErr := c.Unmarshal(data, &own)
		if own.deepest > codec.MaxDepth+1 {
			t.Errorf("decoded %d deep", own.deepest)
		}
		var google, again pbtest.Tree
		if c.Unmarshal(data, &google) != nil {
			return
		}
		if ownErr != nil {
			t.Fatalf("google's runtime decodes %x, own methods do not: %v", data, ownErr)
		}
		out, err := c.Append(nil, &own)
		if err != nil {
			t.Fatal(err)
		}
		if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, &google); err != nil {
			t.Fatal(err)
		}
		if err := c.Unmarshal(out, &again); err != nil || !proto.Equal(&google, &again) {
			t.Errorf("google's runtime decodes %v, own methods %v, %v", &google, &again, err)
		}
	})
}
