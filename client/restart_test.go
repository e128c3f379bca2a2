// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/unix"
)

// restarts is servers of S.M on Unix sockets, whose addresses nobody else takes while
// they are down.
type restarts struct {
	t     *testing.T
	addrs []string
	mu    sync.Mutex
	ran   map[string]int // how often each call was run
	took  map[int]int    // how many calls each server has run since it was started
}

// start starts the server at an address and returns it with what its Serve returns.
func (r *restarts) start(i int) (*server.Server, <-chan error) {
	r.t.Helper()
	r.mu.Lock()
	r.took[i] = 0
	r.mu.Unlock()
	s := server.NewServer()
	handle(r.t, s, "M", func(_ context.Context, args, reply *[]byte) error {
		r.mu.Lock()
		r.ran[string(*args)]++
		r.took[i]++
		r.mu.Unlock()
		*reply = *args
		return nil
	})
	ln, err := unix.New().Listen(r.t.Context(), "unix", r.addrs[i], transport.Settings{})
	if err != nil {
		r.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.ServeListener("unix", ln) }()
	<-s.Started()
	return s, served
}

// await waits until a server works. Who restarts servers one by one does that: a
// connection that still waits to be accepted when its server goes is lost, with what was
// written to it.
func (r *restarts) await(i int) {
	r.t.Helper()
	eventually(r.t, "the server works", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.took[i] > 20
	})
}

// Two of three servers at a time work while one after the other is restarted. Politely:
// no call fails under any mode, and none runs twice. Rudely: what fails is known to have
// not run, or says that its outcome is unknown; and under Failover nothing fails that may
// run twice.
func TestRestarts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		mode   client.FailMode
		polite bool
		opts   []client.CallOption
		fails  bool // calls may fail with an unknown outcome
		twice  bool // calls may run twice
	}{
		{name: "polite", mode: client.Failfast, polite: true},
		{name: "polite", mode: client.Failover, polite: true},
		{name: "polite, not idempotent", mode: client.Failbackup, polite: true, opts: []client.CallOption{client.NonIdempotent()}},
		{name: "rude", mode: client.Failfast, fails: true},
		{name: "rude", mode: client.Failover, twice: true},
		{name: "rude", mode: client.Failbackup, twice: true},
		{name: "rude, not idempotent", mode: client.Failover, fails: true, opts: []client.CallOption{client.NonIdempotent()}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.name, "/", tt.mode), func(t *testing.T) {
			t.Parallel()
			r := &restarts{t: t, ran: make(map[string]int), took: make(map[int]int)}
			servers, served := make([]*server.Server, 3), make([]<-chan error, 3)
			var list []*client.KVPair
			for i := range servers {
				r.addrs = append(r.addrs, filepath.Join(t.TempDir(), "s"))
				servers[i], served[i] = r.start(i)
				list = append(list, &client.KVPair{Key: "unix@" + r.addrs[i]})
			}
			x := client.NewXClient("S", tt.mode, client.RandomSelect, client.NewMultipleServersDiscovery(list), client.Option{Logger: quiet()})
			closing(t, x)
			var calls, unknown atomic.Int64
			stop := make(chan struct{})
			var callers sync.WaitGroup
			for g := range 8 {
				callers.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						id := fmt.Sprint(g, "/", i)
						err := x.Call(t.Context(), "M", []byte(id), new([]byte), tt.opts...)
						calls.Add(1)
						r.mu.Lock()
						n := r.ran[id]
						delete(r.ran, id)
						r.mu.Unlock()
						switch {
						case err == nil && n == 1, err == nil && n > 1 && tt.twice:
						case err == nil:
							t.Errorf("call %s worked and was run %d times", id, n)
						case !tt.fails:
							t.Errorf("call %s: %v", id, err)
						case rpcx.SafeToRetry(err) && n != 0, n > 1:
							t.Errorf("call %s was run %d times: %v", id, n, err)
						case !rpcx.SafeToRetry(err):
							unknown.Add(1)
							if rpcx.CodeOf(err) != rpcx.Unavailable || !strings.Contains(err.Error(), "outcome unknown") {
								t.Errorf("call %s: %v", id, err)
							}
						}
					}
				})
			}
			for i := range servers {
				r.await(i)
			}
			for round := range 6 {
				i := round % len(servers)
				var err error
				if tt.polite {
					err = servers[i].Shutdown(t.Context())
				} else {
					err = servers[i].Close()
				}
				if err != nil {
					t.Error(err)
				}
				if err := <-served[i]; !errors.Is(err, server.ErrServerClosed) {
					t.Error(err)
				}
				before := calls.Load()
				eventually(t, "calls go on", func() bool { return calls.Load() > before+200 })
				servers[i], served[i] = r.start(i)
				r.await(i)
			}
			close(stop)
			callers.Wait()
			t.Logf("%d calls, %d of unknown outcome", calls.Load(), unknown.Load())
			for i, s := range servers {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				<-served[i]
			}
		})
	}
}
