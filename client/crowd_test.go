// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// A server that stops answering, or becomes slow, gets few calls while others have none
// that wait; where the user wants servers to differ it gets its part.
func TestCrowdedServer(t *testing.T) {
	t.Parallel()
	const (
		calls  = 900
		third  = calls / 3
		little = third * 2 / 5
	)
	tests := []struct {
		name   string
		delay  time.Duration // of the answers of node0; 0: there are none
		mode   client.SelectMode
		policy balance.Policy
		least  int // calls to node0
		most   int
	}{
		{name: "frozen", mode: client.RoundRobin, least: 64, most: little},
		{name: "frozen, chosen at random", mode: client.RandomSelect, least: 64, most: little},
		{name: "slow", delay: 500 * time.Millisecond, mode: client.RoundRobin, least: 64, most: third * 3 / 4},
		{name: "healthy", delay: time.Millisecond, mode: client.RoundRobin, least: third, most: third},
		{name: "by weight", mode: client.WeightedRoundRobin, least: third, most: third},
		{name: "by a policy", mode: client.RandomSelect, policy: balance.RoundRobin{}, least: third, most: third},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := mem.New()
				var nodes []*peer
				var mu sync.Mutex
				seen := make(map[string]int)
				var answers sync.WaitGroup
				for _, name := range []string{"node0", "node1", "node2"} {
					p := listenOn(t, network, name)
					p.answer(func(w *wire, m *protocol.Message) {
						mu.Lock()
						defer mu.Unlock()
						seen[name]++
						switch {
						case name != "node0":
							w.reply(m, name)
						case tt.delay > 0:
							answers.Go(func() {
								time.Sleep(tt.delay)
								mu.Lock()
								defer mu.Unlock()
								w.reply(m, name)
							})
						}
					})
					nodes = append(nodes, p)
				}
				opt := nodes[0].option(client.Option{Balance: tt.policy})
				x := client.NewXClient("S", client.Failfast, tt.mode, client.NewMultipleServersDiscovery(pairs(nodes...)), opt)
				closing(t, x)
				var callers sync.WaitGroup
				failed := 0
				for range calls {
					callers.Go(func() {
						err := x.Call(t.Context(), "M", []byte("id"), new([]byte), client.WithTimeout(2*time.Second))
						mu.Lock()
						defer mu.Unlock()
						if err != nil {
							failed++
						}
					})
					time.Sleep(time.Millisecond)
				}
				callers.Wait()
				answers.Wait()
				if got := seen["node0"]; got < tt.least || got > tt.most {
					t.Errorf("%v went to node0, want %d to %d calls of %d", seen, tt.least, tt.most, calls)
				}
				if tt.delay > 0 && failed > 0 {
					t.Errorf("%d calls failed", failed)
				}
			})
		})
	}
}
