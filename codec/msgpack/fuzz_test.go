// SPDX-License-Identifier: Apache-2.0

package msgpack

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/protocol"
)

func seed(f *testing.F) {
	for _, p := range vectors.Load(f, "../..", protocol.MsgPack) {
		f.Add(p.Data)
	}
	for _, s := range []string{
		"", "\xc1", "\xdd\xff\xff\xff\xff", "\xdf\x80\x00\x00\x00", "\x81\xa1X\x91\x91\x91\xc0",
		"\xc7\x05\x01\xdf\xff\xff\xff\xff", "\xd4\x01\x81\xa1k\xc0", "\xc7\x05\x2a\x81\xa1k\xa1v", "\xc7\x00\x01",
		"\xd7\xff\xdf\x6f\x34\x54\x65\x53\xf1\x00", "\x82\xd4\x80\x00\xa1a\x91\xc7\x02\x01\xc0\x91\xc0",
	} {
		f.Add([]byte(s))
	}
}

// FuzzScan holds the scanner against the library's own way of finding the end of a
// value.
func FuzzScan(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := scanner{data: data}
		end, err := s.first()
		if err != nil {
			return
		}
		raw, err := msgpack.NewDecoder(bytes.NewReader(data)).DecodeRaw()
		if err != nil || len(raw) != end {
			t.Errorf("the value is %d bytes long, the library finds %d, %v", end, len(raw), err)
		}
		for i, block := range s.blocks {
			if block >= end || i > 0 && block <= s.blocks[i-1] {
				t.Errorf("blocks %v of a value of %d bytes", s.blocks, end)
			}
		}
	})
}

// FuzzUnmarshal looks for inputs that take the process down, and for decoded values
// that cannot be sent on.
func FuzzUnmarshal(f *testing.F) {
	seed(f)
	type tree map[string]tree
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range []any{
			new(vectors.Everything), new(any), new([]any), new(map[string]any), new(map[string]string), new(tree),
			new(map[any]any), new(struct{}), new(vectors.AsArray), new([]vectors.Args), new(string), new([]byte),
		} {
			if err := (Codec{}).Unmarshal(data, v); err != nil {
				continue
			}
			out, err := Codec{}.Append(nil, v)
			if err != nil {
				t.Errorf("%T %+v was decoded and cannot be encoded: %v", v, v, err)
				continue
			}
			again := reflect.New(reflect.TypeOf(v).Elem()).Interface()
			if err := (Codec{}).Unmarshal(out, again); err != nil {
				t.Errorf("%T %+v was encoded as %x, which cannot be decoded: %v", v, v, out, err)
			}
		}
	})
}
