// SPDX-License-Identifier: Apache-2.0

//go:build !race

// These tests count on what a sync.Pool keeps. Under the race detector one drops
// items at random.

package thrift_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/codec/thrift"
	"github.com/rpcx-go/rpcx/codec/thrift/internal/thriftpb"
)

// TestAllocations: the codec adds none to those of the struct's own code.
func TestAllocations(t *testing.T) {
	c, args, dst := thrift.Codec{}, &thriftpb.TArgs_{A: 10, B: 20}, make([]byte, 0, 4096)
	data, err := c.Append(nil, args)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"Append":    func() error { _, err := c.Append(dst, args); return err },
		"Unmarshal": func() error { return c.Unmarshal(data, args) },
	} {
		got := testing.AllocsPerRun(1000, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		})
		if got != 0 {
			t.Errorf("%s allocates %v times, want 0", name, got)
		}
	}
}
