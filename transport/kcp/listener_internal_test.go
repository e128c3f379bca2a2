// SPDX-License-Identifier: Apache-2.0

package kcp

import (
	"strconv"
	"testing"
)

// However many connections come and go, a bounded number is remembered, at a price for
// each that does not grow with it.
func TestEndedConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	l := newListener(nil, nil, nil, nil)
	for i := range 10 * remembered {
		name := strconv.Itoa(i)
		if !l.admit(name) {
			t.Fatalf("connection %d is taken for an old one", i)
		}
		l.release(name)
		if l.admit(name) {
			t.Fatalf("connection %d is not remembered", i)
		}
	}
	if n := len(l.ended) + len(l.older); n > 2*remembered {
		t.Errorf("%d are remembered, want %d at most", n, 2*remembered)
	}
}
