// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/rpcx-go/rpcx/codec/msgpack"
	"github.com/rpcx-go/rpcx/reflection/internal/wire"
)

// What is written is what a string is in each codec, of any length.
func TestText(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 31, 32, 255, 256, 65535, 65536, 1 << 20} {
		text := strings.Repeat("<", n)
		var packed, encoded string
		var message wrapperspb.StringValue
		data, err := wire.Text(text).MarshalMsg([]byte("x"))
		if err == nil {
			err = msgpack.Codec{}.Unmarshal(data[1:], &packed)
		}
		if err != nil || packed != text {
			t.Errorf("%d bytes in MessagePack: %d, %v", n, len(packed), err)
		}
		data, _ = json.Marshal(wire.Text(text))
		if err := json.Unmarshal(data, &encoded); err != nil || encoded != text {
			t.Errorf("%d bytes in JSON: %d, %v", n, len(encoded), err)
		}
		data, _ = wire.Text(text).Marshal()
		if err := proto.Unmarshal(data, &message); err != nil || message.Value != text {
			t.Errorf("%d bytes in Protocol Buffers: %d, %v", n, len(message.Value), err)
		}
	}
}

// A name is read from whatever a client writes for a string.
func TestName(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 31, 32, 255, 256, 65535, 65536} {
		text := strings.Repeat("x", n)
		for _, v := range []any{text, []byte(text)} {
			data, err := msgpack.Codec{}.Append(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			var name wire.Name
			if rest, err := name.UnmarshalMsg(append(data, "rest"...)); err != nil || string(name) != text || string(rest) != "rest" {
				t.Errorf("%T of %d bytes: %d and %q, %v", v, n, len(name), rest, err)
			}
		}
	}
	// Other fields, and one that comes twice, are passed over.
	message, _ := wire.Text("last").Marshal()
	message = append([]byte("\x12\x01y\x18\x05\x0a\x05first"), message...)
	var name wire.Name
	if err := name.Unmarshal(message); err != nil || string(name) != "last" {
		t.Errorf("%q, %v", name, err)
	}
}

func FuzzName(f *testing.F) {
	for _, seed := range []string{"\xa1x", "\xd9\x01x", "\xda\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\x7f\xff\xff\xff", "\xc0", "\x80", "\x0a\x01x", "\x0a\xff\xff\xff\xff\x0f", `"x"`, "{}", "null"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var packed, message, text wire.Name
		if rest, err := packed.UnmarshalMsg(data); err == nil && len(packed)+len(rest) >= len(data) && len(data) > 0 && data[0] != 0xc0 && data[0]&0xf0 != 0x80 {
			t.Errorf("MessagePack %x holds %q, and then %q", data, packed, rest)
		}
		if err := message.Unmarshal(data); err == nil && !bytes.Contains(data, message) {
			t.Errorf("Protocol Buffers %x hold %q", data, message)
		}
		if err := json.Unmarshal(data, &text); err == nil && len(text) > 3*len(data) {
			t.Errorf("JSON %q holds %q", data, text)
		}
	})
}
