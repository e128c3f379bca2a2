// SPDX-License-Identifier: Apache-2.0

package codec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/codec/json"
	"github.com/rpcx-go/rpcx/codec/msgpack"
	"github.com/rpcx-go/rpcx/codec/raw"
	"github.com/rpcx-go/rpcx/protocol"
)

// numbered is a codec of an application.
type numbered struct {
	raw.Codec
	id protocol.SerializeType
}

func (n numbered) ID() protocol.SerializeType { return n.id }

func TestSet(t *testing.T) {
	t.Parallel()
	set, err := codec.NewSet(raw.Codec{}, json.Codec{}, numbered{id: 5}, numbered{id: 15})
	if err != nil {
		t.Fatal(err)
	}
	for id := range 256 {
		id := protocol.SerializeType(id)
		c := set.Lookup(id)
		switch id {
		case protocol.SerializeNone, protocol.JSON, 5, 15:
			if c == nil || c.ID() != id {
				t.Errorf("Lookup(%d) = %v", id, c)
			}
		default:
			if c != nil {
				t.Errorf("Lookup(%d) = %v, want nil", id, c)
			}
		}
	}
}

func TestLaterCodecStays(t *testing.T) {
	t.Parallel()
	mine := numbered{id: protocol.MsgPack}
	set, err := codec.NewSet(msgpack.Codec{}, mine)
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Lookup(protocol.MsgPack); got != mine {
		t.Errorf("got %T, want the codec that came later", got)
	}
}

func TestNumberTooLarge(t *testing.T) {
	t.Parallel()
	set, err := codec.NewSet(numbered{id: 16})
	if err == nil || set != nil || !strings.Contains(err.Error(), "16") {
		t.Errorf("NewSet = %v, %v, want an error that names 16", set, err)
	}
}

func TestZeroSet(t *testing.T) {
	t.Parallel()
	var set codec.Set
	for id := range protocol.MaxSerializeType + 1 {
		if c := set.Lookup(id); c != nil {
			t.Errorf("Lookup(%d) = %v", id, c)
		}
	}
	if _, err := codec.NewSet(); err != nil {
		t.Errorf("an empty set: %v", err)
	}
}

func Example() {
	set, err := codec.NewSet(json.Codec{}, msgpack.Codec{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range []protocol.SerializeType{protocol.JSON, protocol.MsgPack} {
		c := set.Lookup(id)
		data, err := c.Append(nil, map[string]int{"A": 1})
		fmt.Printf("%s %q %v\n", c.Name(), data, err)
	}
	fmt.Println(set.Lookup(protocol.ProtoBuffer))
	// Output:
	// json "{\"A\":1}" <nil>
	// msgpack "\x81\xa1A\x01" <nil>
	// <nil>
}
