// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// mirrors registers Echo.quick and Echo.slow, which return what they get, and Echo.raw,
// which does so without a codec. Each shows what it got to keep.
func mirrors(t testing.TB, w *world, keep func([]byte)) {
	t.Helper()
	echo := func(work time.Duration) func(context.Context, *[]byte, *[]byte) error {
		return func(_ context.Context, args, reply *[]byte) error {
			for began := time.Now(); time.Since(began) < work; { // so that it is served apart
				runtime.Gosched()
			}
			keep(*args)
			*reply = *args
			return nil
		}
	}
	raw := func(_ context.Context, in, out *protocol.Message) error {
		keep(in.Payload)
		out.Payload = in.Payload
		return nil
	}
	for _, err := range []error{
		server.Handle(w.Server, "Echo", "quick", echo(0)),
		server.Handle(w.Server, "Echo", "slow", echo(time.Millisecond)),
		w.HandleRaw("Echo", "raw", raw),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Bodies of all sizes, each full of a byte of its own, go both ways at once and come
// back as they were. What a handler got stays its own for ever.
func TestLargeBodiesStayApart(t *testing.T) {
	t.Parallel()
	w := onTCP(t)
	var mu sync.Mutex
	var kept [][]byte
	mirrors(t, w, func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, b)
	})
	sizes := []int{10, 5000, 33_000, 64 << 10, 100_000, 300_000, 1 << 20}
	var callers sync.WaitGroup
	for i := range 6 {
		x := w.client(t, "Echo", client.Option{SerializeType: protocol.SerializeNone})
		for j, method := range []string{"quick", "slow", "raw"} {
			callers.Go(func() {
				for n := range 14 {
					mark := byte(1 + i*3 + j)
					args, reply := bytes.Repeat([]byte{mark}, sizes[(i+n)%len(sizes)]), new([]byte)
					if err := x.Call(t.Context(), method, &args, reply); err != nil {
						t.Errorf("%s: %v", method, err)
						return
					}
					if !bytes.Equal(*reply, args) {
						t.Errorf("%s of %d bytes came back as something else", method, len(args))
					}
				}
			})
		}
	}
	callers.Wait()
	for _, b := range kept {
		if !bytes.Equal(b, bytes.Repeat(b[:1], len(b))) {
			t.Errorf("%d bytes that a handler has kept were changed", len(b))
		}
	}
	if len(kept) != 6*3*14 {
		t.Errorf("%d calls were served", len(kept))
	}
}

// callRepeatedly returns a function that sends the same request each time.
func callRepeatedly(t testing.TB, p *peer, frame []byte) func() {
	return func() {
		if _, err := p.Write(frame); err != nil {
			t.Fatal(err)
		}
		if f, err := p.frames.Next(); err != nil || f.Status != protocol.Normal {
			t.Fatalf("%v %v", f, err)
		}
	}
}

// One operation is one call, and as many bytes each way.
func BenchmarkLargeBodies(b *testing.B) {
	w := onTCP(b)
	mirrors(b, w, func([]byte) {})
	for _, size := range []int{64 << 10, 1 << 20} {
		for _, method := range []string{"quick", "raw"} {
			b.Run(fmt.Sprintf("%s/%d", method, size), func(b *testing.B) {
				m := request("Echo", method, "")
				m.Serialize, m.Payload = protocol.SerializeNone, make([]byte, size)
				call := callRepeatedly(b, w.dial(b), encode(b, m))
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					call()
				}
			})
		}
	}
}
