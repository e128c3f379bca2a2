// SPDX-License-Identifier: Apache-2.0

package compresstest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/rpcx-go/rpcx/compress"
)

// Fuzz decompresses what the fuzzer makes of compressed samples and of the seeds. No
// input may panic, give more than the limit, be called too large when it is not, or
// give contents that do not survive a round trip.
func Fuzz(f *testing.F, c compress.Compressor, seeds ...[]byte) {
	const limit = 64 << 10
	for _, data := range [][]byte{nil, []byte("x"), text(2000), noise(300, 6), make([]byte, 2*limit)} {
		f.Add(pack(f, c, data))
	}
	two := append(pack(f, c, text(100)), pack(f, c, text(200))...)
	for _, s := range append(seeds, two) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := c.Decompress([]byte("head"), src, limit)
		if err != nil {
			if string(got) != "head" {
				t.Fatalf("the error %v came with %d bytes, want dst", err, len(got))
			}
			if errors.Is(err, compress.ErrTooLarge) {
				if got, err := c.Decompress(nil, src, 4*limit); err == nil && len(got) <= limit {
					t.Fatalf("%d bytes are too large for limit %d", len(got), limit)
				}
			}
			return
		}
		data := got[4:]
		if len(data) > limit {
			t.Fatalf("%d bytes came back, the limit is %d", len(data), limit)
		}
		if len(data) > 0 {
			if _, err := c.Decompress(nil, src, len(data)-1); !errors.Is(err, compress.ErrTooLarge) {
				t.Fatalf("%d bytes with limit %d: error %v, want ErrTooLarge", len(data), len(data)-1, err)
			}
		}
		again, err := c.Decompress(nil, pack(t, c, data), len(data))
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%d bytes did not survive a round trip: %v", len(data), err)
		}
	})
}
