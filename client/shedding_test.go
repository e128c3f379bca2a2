// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// A server that refuses calls because it is too busy gets about twice what it takes, and
// its part as soon as it takes all. Where all are equally busy each gets its part.
func TestBusyServer(t *testing.T) {
	t.Parallel()
	const (
		calls = 3000
		third = calls / 3
	)
	tests := []struct {
		name        string
		takes       [3]int // one call of so many; 0: none
		mode        client.FailMode
		least, most int // calls to node0
	}{
		{"none", [3]int{1, 1, 1}, client.Failfast, third, third},
		{"one takes nothing", [3]int{0, 1, 1}, client.Failfast, 20, third * 3 / 10},
		{"one takes nothing, Failover", [3]int{0, 1, 1}, client.Failover, 20, third * 3 / 10},
		{"one takes a tenth", [3]int{10, 1, 1}, client.Failfast, third / 10, third * 9 / 20},
		{"one takes most", [3]int{2, 1, 1}, client.Failfast, third * 9 / 10, third},
		{"all take a tenth", [3]int{10, 10, 10}, client.Failfast, third * 9 / 10, third * 11 / 10},
		{"all take nothing", [3]int{0, 0, 0}, client.Failfast, third * 9 / 10, third * 11 / 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := mem.New()
				var nodes []*peer
				var seen [3]atomic.Int64
				var over atomic.Bool
				for i, name := range []string{"node0", "node1", "node2"} {
					p := listenOn(t, network, name)
					p.answer(func(w *wire, m *protocol.Message) {
						n := seen[i].Add(1)
						if every := int64(tt.takes[i]); over.Load() || every > 0 && n%every == 0 {
							w.reply(m, name)
							return
						}
						w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted())
					})
					nodes = append(nodes, p)
				}
				x := client.NewXClient("S", tt.mode, client.RoundRobin, client.NewMultipleServersDiscovery(pairs(nodes...)),
					nodes[0].option(client.Option{}))
				closing(t, x)
				failed := 0
				call := func() {
					for range calls {
						if err := x.Call(t.Context(), "M", []byte("id"), new([]byte)); err != nil {
							failed++
						}
						time.Sleep(time.Millisecond)
					}
				}
				call()
				if got := int(seen[0].Load()); got < tt.least || got > tt.most {
					t.Errorf("%d of %d calls went to it, want %d to %d", got, calls, tt.least, tt.most)
				}
				if tt.mode == client.Failover && failed > 0 {
					t.Errorf("%d calls failed", failed)
				}
				over.Store(true)
				call()
				before := seen[0].Load()
				call()
				if got := seen[0].Load() - before; got < third*99/100 || got > third*101/100 {
					t.Errorf("%d of %d calls went to it when it was over", got, calls)
				}
			})
		})
	}
}

// Other methods of a server that refuses one are called there as ever.
func TestBusyMethod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := mem.New()
		var nodes []*peer
		var seen [2]atomic.Int64
		for i, name := range []string{"node0", "node1"} {
			p := listenOn(t, network, name)
			p.answer(func(w *wire, m *protocol.Message) {
				if i == 0 && m.Method == "Busy" {
					w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted())
					return
				}
				if m.Method == "M" {
					seen[i].Add(1)
				}
				w.reply(m, name)
			})
			nodes = append(nodes, p)
		}
		x := client.NewXClient("S", client.Failover, client.RoundRobin, client.NewMultipleServersDiscovery(pairs(nodes...)),
			nodes[0].option(client.Option{}))
		closing(t, x)
		for range 500 {
			for _, method := range []string{"Busy", "Busy", "M", "M"} {
				if err := x.Call(t.Context(), method, []byte("id"), new([]byte)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Millisecond)
		}
		if got := seen[0].Load(); got < 450 || got > 550 {
			t.Errorf("%d of 1000 calls of the other method went to it", got)
		}
	})
}

// One server of three becomes slow under load and refuses most calls. That fails none: not
// under the modes that would try again, nor does it use up what hedges and retries cost.
func TestSlowServerThatSheds(t *testing.T) {
	t.Parallel()
	for _, mode := range []client.FailMode{client.Failover, client.Failbackup} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := mem.New()
				var servers []*client.KVPair
				var slow atomic.Bool
				for i, name := range []string{"node0", "node1", "node2"} {
					servers = append(servers, serveOn(t, network, name, func(_ context.Context, args, reply *[]byte) error {
						*reply = *args
						if i == 0 && slow.Load() {
							time.Sleep(500 * time.Millisecond)
							return nil
						}
						time.Sleep(2 * time.Millisecond)
						return nil
					}))
				}
				p := &peer{t: t, net: network}
				x := client.NewXClient("S", mode, client.RoundRobin, client.NewMultipleServersDiscovery(servers), p.option(client.Option{}))
				closing(t, x)
				var callers sync.WaitGroup
				var failed atomic.Int64
				var text atomic.Value
				const every = 800 * time.Microsecond
				come := func(length time.Duration) {
					for range length / every {
						callers.Go(func() {
							if err := x.Call(t.Context(), "M", []byte("id"), new([]byte), client.WithTimeout(time.Second)); err != nil {
								failed.Add(1)
								text.Store(err.Error())
							}
						})
						time.Sleep(every)
					}
				}
				come(time.Second)
				slow.Store(true)
				come(3 * time.Second)
				slow.Store(false)
				come(time.Second)
				callers.Wait()
				time.Sleep(time.Second) // handlers whose callers are gone
				if n := failed.Load(); n > 0 {
					t.Errorf("%d calls failed, such as with %v", n, text.Load())
				}
			})
		})
	}
}
