// SPDX-License-Identifier: Apache-2.0

package kcp

import "testing"

func FuzzParseFarewell(f *testing.F) {
	f.Add(farewell(0))
	f.Add(farewell(1<<62 + 5))
	f.Add([]byte(farewellMark))
	f.Add([]byte("something else that is long enough"))
	f.Fuzz(func(t *testing.T, b []byte) {
		written, ok := parseFarewell(b)
		if !ok {
			return
		}
		if written < 0 {
			t.Fatalf("%d bytes were written", written)
		}
		if again, ok := parseFarewell(farewell(written)); !ok || again != written {
			t.Errorf("a farewell after %d bytes is read as %d, %v", written, again, ok)
		}
	})
}
