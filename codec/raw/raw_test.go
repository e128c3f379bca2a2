// SPDX-License-Identifier: Apache-2.0

package raw_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/codec/codectest"
	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/raw"
	"github.com/rpcx-go/rpcx/protocol"
)

func TestCodec(t *testing.T) {
	t.Parallel()
	data := []byte("hello")
	codectest.Run(t, raw.Codec{},
		codectest.Case{Name: "slice", Value: data, New: func() any { return new([]byte) }},
		codectest.Case{Name: "pointer", Value: &data, New: func() any { return new([]byte) }},
		codectest.Case{Name: "named", Value: json.RawMessage(data), New: func() any { return new(json.RawMessage) }},
		codectest.Case{Name: "pointer to named", Value: (*json.RawMessage)(&data), New: func() any { return new(json.RawMessage) }},
		codectest.Case{Name: "named bytes", Value: []octet("hello"), New: func() any { return new([]octet) }},
	)
}

type octet byte

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, p := range vectors.Load(t, "../..", protocol.SerializeNone) {
		var got []byte
		if err := (raw.Codec{}).Unmarshal(p.Data, &got); err != nil || !bytes.Equal(got, p.Data) {
			t.Errorf("%s: Unmarshal = %x, %v", p.ID, got, err)
		}
		if data, err := (raw.Codec{}).Append(nil, got); err != nil || !bytes.Equal(data, p.Data) {
			t.Errorf("%s: Append = %x, %v", p.ID, data, err)
		}
	}
}

// TestOtherTypes: real rpcx panics where these are decoded.
func TestOtherTypes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		v    any
		want string // in the error
	}{
		"nil":                  {nil, "<nil>"},
		"struct":               {&struct{ A int }{}, "*struct { A int }"},
		"string":               {new(string), "*string"},
		"array":                {new([4]byte), "*[4]uint8"},
		"runes":                {new([]rune), "*[]int32"},
		"pointer to pointer":   {new(*[]byte), "**[]uint8"},
		"nil pointer":          {(*[]byte)(nil), "a nil *[]uint8"},
		"nil pointer to named": {(*json.RawMessage)(nil), "a nil *json.RawMessage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := (raw.Codec{}).Append(nil, tt.v); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Append: %v, want it to name %s", err, tt.want)
			}
			if err := (raw.Codec{}).Unmarshal([]byte("x"), tt.v); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Unmarshal: %v, want it to name %s", err, tt.want)
			}
		})
	}
	for name, v := range map[string]any{"slice": []byte("old"), "named slice": json.RawMessage("old")} {
		if err := (raw.Codec{}).Unmarshal([]byte("x"), v); err == nil {
			t.Errorf("decoded into a %s that is no pointer", name)
		}
	}
}

func TestNilSliceIsEmpty(t *testing.T) {
	t.Parallel()
	for _, v := range []any{[]byte(nil), new([]byte), json.RawMessage(nil), new(json.RawMessage)} {
		if data, err := (raw.Codec{}).Append([]byte("-"), v); err != nil || string(data) != "-" {
			t.Errorf("Append of a nil %T = %q, %v", v, data, err)
		}
	}
}

func TestUnmarshalUsesTheRoomThereIs(t *testing.T) {
	t.Parallel()
	room := make([]byte, 3, 16)
	got := room
	if err := (raw.Codec{}).Unmarshal([]byte("hello"), &got); err != nil || string(got) != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
	if &got[0] != &room[0] {
		t.Error("memory was allocated although there was room")
	}
	if err := (raw.Codec{}).Unmarshal(nil, &got); err != nil || len(got) != 0 {
		t.Errorf("an empty payload gave %q, %v", got, err)
	}
}
