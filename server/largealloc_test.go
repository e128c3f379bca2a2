// SPDX-License-Identifier: Apache-2.0

//go:build !race

// These tests count on what a sync.Pool keeps. Under the race detector one drops
// items at random.

package server_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/rpcx-go/rpcx/protocol"
)

// A call with a large body costs the memory that the handler may keep, once, and
// nothing for the frames: neither in the goroutine that reads nor away from it.
//
//nolint:paralleltest // measures allocations
func TestLargeBodiesAreNotAllocatedTwice(t *testing.T) {
	w := onTCP(t)
	mirrors(t, w, func([]byte) {})
	for _, method := range []string{"quick", "slow", "raw"} {
		for _, size := range []int{100_000, 1 << 20} {
			m := request("Echo", method, "")
			m.Serialize, m.Payload = protocol.SerializeNone, make([]byte, size)
			call := callRepeatedly(t, w.dial(t), encode(t, m))
			for range 20 {
				call() // sizes are known, pools are filled
			}
			const calls = 50
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range calls {
				call()
			}
			runtime.ReadMemStats(&after)
			got := (after.TotalAlloc - before.TotalAlloc) / calls
			if most := uint64(size + size/2); got > most {
				t.Errorf("%s of %d bytes allocates %d, want %d at most", method, size, got, most)
			}
		}
	}
}

// A connection that waits after large bodies holds none of their memory, not even that
// for a reply which was then not wanted.
//
//nolint:paralleltest // measures allocations
func TestQuietConnectionAfterLargeBodies(t *testing.T) {
	w := onTCP(t)
	var served atomic.Int64
	mirrors(t, w, func([]byte) { served.Add(1) })
	large := request("Echo", "quick", "")
	large.Serialize, large.Payload = protocol.SerializeNone, make([]byte, 1<<20)
	const conns = 20
	before := heap()
	var peers []*peer
	for range conns {
		p := w.dial(t)
		callRepeatedly(t, p, encode(t, large))()
		p.send(&protocol.Message{
			Header:  protocol.Header{Oneway: true, Serialize: protocol.SerializeNone},
			Service: "Echo", Method: "quick", Payload: []byte("no reply is wanted"),
		})
		peers = append(peers, p)
	}
	eventually(t, "all are served", func() bool { return served.Load() == 2*conns })
	for _, p := range peers {
		p.frames = nil // ours
	}
	if after := heap(); after > before+conns*(48<<10) {
		t.Errorf("each holds %d KiB", (after-before)/conns>>10)
	}
	for _, p := range peers {
		p.Close()
	}
}
