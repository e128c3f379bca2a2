// SPDX-License-Identifier: Apache-2.0

//go:build !race

// These tests count on what a sync.Pool keeps. Under the race detector one drops
// items at random.

package msgpack_test

import (
	"bytes"
	"testing"

	library "github.com/vmihailenco/msgpack/v5"

	"github.com/rpcx-go/rpcx/codec/internal/vectors"
	"github.com/rpcx-go/rpcx/codec/msgpack"
)

// TestAllocations: the codec adds none to those of the library, whose encoder and
// decoder are used again here.
func TestAllocations(t *testing.T) {
	var (
		c   msgpack.Codec
		v   any = everything()
		dst     = make([]byte, 0, 4096)
		buf     = bytes.NewBuffer(dst)
		enc     = library.NewEncoder(buf)
	)
	want := testing.AllocsPerRun(1000, func() {
		buf.Reset()
		enc.Reset(buf)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	})
	got := testing.AllocsPerRun(1000, func() {
		if _, err := c.Append(dst, v); err != nil {
			t.Fatal(err)
		}
	})
	if got > want {
		t.Errorf("Append allocates %v times, the library %v", got, want)
	}

	data, in, dec := bytes.Clone(buf.Bytes()), new(bytes.Reader), library.NewDecoder(nil)
	want = testing.AllocsPerRun(1000, func() {
		in.Reset(data)
		dec.Reset(in)
		if err := dec.Decode(new(vectors.Everything)); err != nil {
			t.Fatal(err)
		}
	})
	got = testing.AllocsPerRun(1000, func() {
		if err := c.Unmarshal(data, new(vectors.Everything)); err != nil {
			t.Fatal(err)
		}
	})
	if got > want {
		t.Errorf("Unmarshal allocates %v times, the library %v", got, want)
	}
}
