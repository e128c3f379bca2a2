// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
)

// The server says which priority a call has, if it is told how.
func TestWithPriority(t *testing.T) {
	t.Parallel()
	fixed := func(p rpcx.Priority) func(context.Context, *rpcx.Call) rpcx.Priority {
		return func(context.Context, *rpcx.Call) rpcx.Priority { return p }
	}
	trusting := func(_ context.Context, c *rpcx.Call) rpcx.Priority {
		if c.Header.Get("__AUTH") == "ours" && c.Peer.Addr != nil {
			return rpcx.PriorityOf(c.Header)
		}
		return rpcx.LowPriority
	}
	for name, c := range map[string]struct {
		says  func(context.Context, *rpcx.Call) rpcx.Priority
		token string
		runs  bool
	}{
		"low":      {fixed(rpcx.LowPriority), "", false},
		"lower":    {fixed(-100), "", false},
		"high":     {fixed(rpcx.HighPriority), "", true},
		"higher":   {fixed(100), "", true},
		"panic":    {func(context.Context, *rpcx.Call) rpcx.Priority { panic("secret") }, "", true},
		"stranger": {trusting, "theirs", false},
		"friend":   {trusting, "ours", true},
		"nobody":   {nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBlocker()
				w := inMemory(t, server.WithLimits(server.Limits{Handlers: 4}), server.WithPriority(c.says)).handle("M", b.handle)
				for range 3 { // which is as much as leaves no room for low ones
					go func() {
						_, _ = w.Dispatch(t.Context(), rpcx.Peer{}, with(request("S", "M", `{}`), "__AUTH", "ours"))
					}()
				}
				synctest.Wait()
				m := with(request("S", "M", `{}`), "__rpcx_priority", "high", "__AUTH", c.token)
				done := make(chan error, 1)
				go func() {
					_, err := w.Dispatch(t.Context(), rpcx.Peer{Addr: &net.TCPAddr{}}, m)
					done <- err
				}()
				synctest.Wait()
				close(b.release)
				if err := <-done; (err == nil) != c.runs {
					t.Errorf("%v, want it to run: %v", err, c.runs)
				}
			})
		})
	}
}

// Watchers of one address take an eighth of the places, and leave the others to others.
func TestHealthWatchersOfOnePeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, server.WithLimits(server.Limits{Handlers: 16})).arith()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan *protocol.Message, 100)
		watch := func(ip net.IP) {
			for range 5 {
				go func() {
					reply, _ := w.Dispatch(ctx, rpcx.Peer{Addr: &net.TCPAddr{IP: ip}}, request(server.HealthService, "Watch", `{"Seen":1}`))
					ended <- reply
				}()
			}
			synctest.Wait()
		}
		for i := range 4 {
			watch(net.IPv4(10, 0, 0, byte(i)))
			if n := w.Stats().Handlers; n != 2*(i+1) {
				t.Errorf("%d watchers of %d peers wait, want %d", n, i+1, 2*(i+1))
			}
		}
		watch(net.IPv4(10, 0, 0, 4)) // half of the places are taken
		if n := w.Stats().Handlers; n != 8 {
			t.Errorf("%d watchers wait, want 8", n)
		}
		cancel()
		for range 25 {
			<-ended
		}
		watch(net.IPv4(10, 0, 0, 0)) // of a context that has ended
		for range 5 {
			<-ended
		}
	})
}
