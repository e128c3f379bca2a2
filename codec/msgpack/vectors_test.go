// SPDX-License-Identifier: Apache-2.0

package msgpack_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/msgpack"
	"github.com/rpcx-go/rpcx/protocol"
)

// TestVectors holds encoding and decoding against what real rpcx wrote.
func TestVectors(t *testing.T) {
	t.Parallel()
	c, values := msgpack.Codec{}, vectors.Values()
	for _, p := range vectors.Load(t, "../..", protocol.MsgPack) {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			want, ok := values[strings.TrimSuffix(p.ID, "-msgpack")]
			if !ok {
				t.Fatal("no value is known for this vector")
			}
			if want == nil {
				if data, err := c.Append(nil, nil); err != nil || !bytes.Equal(data, p.Data) {
					t.Fatalf("Append(nil) = %x, %v, want %x", data, err, p.Data)
				}
				return
			}
			got := reflect.New(reflect.TypeOf(want))
			if err := c.Unmarshal(p.Data, got.Interface()); err != nil {
				t.Fatal(err)
			}
			decoded := got.Elem().Interface()
			if p.ID == "interfaces" {
				// Decoded into an any, a small int is an int8, and that is encoded in two bytes.
				if wantDecoded := []any{int8(1), "a", nil, true, 2.5, []byte{9}}; !reflect.DeepEqual(decoded, wantDecoded) {
					t.Errorf("decoded %#v, want %#v", decoded, wantDecoded)
				}
				decoded = want
			}
			for name, v := range map[string]any{"the value": want, "what was decoded": decoded} {
				data, err := c.Append(nil, v)
				if err != nil {
					t.Fatal(err)
				}
				if !p.Exact() {
					again := reflect.New(reflect.TypeOf(want))
					if err := c.Unmarshal(data, again.Interface()); err != nil || !reflect.DeepEqual(again.Elem().Interface(), want) {
						t.Errorf("Append of %s gave %x, which decodes to %v, %v", name, data, again.Elem(), err)
					}
				} else if !bytes.Equal(data, p.Data) {
					t.Errorf("Append of %s\n got %x\nwant %x", name, data, p.Data)
				}
			}
		})
	}
}
