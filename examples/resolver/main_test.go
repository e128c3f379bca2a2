// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/registry"
)

func Example() {
	main()
	// Output:
	// found by name: 42
}

func TestWatch(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var seen []registry.Instance
	err := DNS{Host: "127.0.0.1", Port: "8972", Every: time.Nanosecond}.Watch(ctx, "Arith", func(found []registry.Instance) {
		if seen = append(seen, found...); len(seen) == 2 {
			stop() // it may look once more before it notices
		}
	})
	want := registry.Instance{Network: "tcp", Addr: "127.0.0.1:8972"}
	if !errors.Is(err, context.Canceled) || len(seen) < 2 || slices.ContainsFunc(seen, func(in registry.Instance) bool { return !in.Equal(want) }) {
		t.Errorf("it reports %v and ends with %v", seen, err)
	}
	if err := (DNS{Host: "no such host"}).Watch(t.Context(), "Arith", nil); err == nil {
		t.Error("a name that does not exist is no error")
	}
}
