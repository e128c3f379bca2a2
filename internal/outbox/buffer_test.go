// SPDX-License-Identifier: Apache-2.0

package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/internal/bufpool"
	"github.com/rpcx-go/rpcx/internal/outbox"
)

// A buffer has room for a frame like those that were added of late.
func TestBufferHasRoomForWhatIsUsual(t *testing.T) {
	t.Parallel()
	o := outbox.New(sink{}, time.Hour, roomy)
	room := func() int {
		b := o.Buffer(1 << 10)
		defer b.Free()
		return cap(b.B)
	}
	add := func(n int) {
		if _, err := o.Add(context.Background(), &bufpool.Buffer{B: make([]byte, n)}, false); err != nil {
			t.Fatal(err)
		}
	}
	if got := room(); got < 1<<10 {
		t.Errorf("room for %d bytes, want what was asked for", got)
	}
	add(100_000)
	if got := room(); got < 100_000 {
		t.Errorf("room for %d bytes after a frame of 100,000", got)
	}
	for range 30 {
		add(500)
	}
	if got := o.Buffer(100); cap(got.B) > 4<<10 {
		t.Errorf("room for %d bytes after many frames of 500", cap(got.B))
	}
}
