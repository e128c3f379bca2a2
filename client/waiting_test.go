// SPDX-License-Identifier: Apache-2.0

//go:build !race

package client_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
)

// A caller that waits has little on its stack: so the collector can halve that to 4 KiB, which
// it does while less than a quarter of it is in use.
func TestWaitingCallersAreSmall(t *testing.T) {
	const callers, most = 1000, 6 << 10
	p := newPeer(t)
	arrived := make(chan struct{}, callers)
	p.answer(func(_ *wire, _ *protocol.Message) { arrived <- struct{}{} })
	x := p.client(client.Failtry, client.Option{})
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	defer done.Wait()
	defer cancel()
	before := stacks()
	for range callers {
		done.Go(func() { _ = x.Call(ctx, "M", deep{}, new([]byte), client.WithSerializeType(protocol.JSON)) })
	}
	for range callers {
		receive(t, arrived, "a call")
	}
	for deadline := time.Now().Add(patience); ; {
		each := (stacks() - before) / callers
		if each <= most {
			t.Logf("%d bytes of stack each", each)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a caller that waits has a stack of %d bytes, want at most %d", each, most)
		}
	}
}

// deep needs a large stack to be encoded.
type deep struct{}

func (deep) MarshalJSON() ([]byte, error) {
	var room [5 << 10]byte
	for i := range room {
		room[i] = '1'
	}
	return []byte{room[len(room)/2]}, nil
}

// stacks returns the size of all stacks, after those that can be were halved.
func stacks() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.StackInuse)
}
