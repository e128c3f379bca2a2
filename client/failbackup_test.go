// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/server"
	"github.com/rpcx-go/rpcx/transport/mem"
)

func TestFailbackup(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		scripts  []string
		opts     []client.CallOption
		option   client.Option
		requests []int
		reply    string // "": an error
		code     rpcx.Code
		safe     bool
		took     time.Duration
		says     string
	}{
		{name: "works", scripts: []string{ok, ok}, requests: []int{1, 0}, reply: "from node0"},
		{name: "slow", scripts: []string{slow, ok}, requests: []int{1, 1}, reply: "from node1", took: 10 * time.Millisecond},
		{
			name: "own latency", scripts: []string{slow, ok}, option: client.Option{BackupLatency: 30 * time.Millisecond},
			requests: []int{1, 1}, reply: "from node1", took: 30 * time.Millisecond,
		},
		{
			name: "slow, but faster than the latency", scripts: []string{slow, ok}, option: client.Option{BackupLatency: time.Second},
			requests: []int{1, 0}, reply: "from node0", took: 50 * time.Millisecond,
		},
		{name: "both slow", scripts: []string{slow, slow}, requests: []int{1, 1}, reply: "from node0", took: 50 * time.Millisecond},
		{name: "slow, the other fails", scripts: []string{slow, fail}, requests: []int{1, 1}, reply: "from node0", took: 50 * time.Millisecond},
		{name: "slow, the other dies", scripts: []string{slow, crash}, requests: []int{1, 1}, reply: "from node0", took: 50 * time.Millisecond},
		{name: "slow, the other is refused", scripts: []string{slow, refused, ok}, requests: []int{1, 0, 1}, reply: "from node2", took: 10 * time.Millisecond},
		{name: "hang", scripts: []string{hang, ok}, requests: []int{1, 1}, reply: "from node1", took: 10 * time.Millisecond},
		{name: "hang, the other fails", scripts: []string{hang, fail}, requests: []int{1, 1}, code: rpcx.Unknown, says: "no luck", took: time.Second},
		{name: "hang, nobody else", scripts: []string{hang}, requests: []int{1}, code: rpcx.DeadlineExceeded, took: time.Second},
		{name: "hang everywhere", scripts: []string{hang, hang, ok}, requests: []int{1, 1, 0}, code: rpcx.DeadlineExceeded, took: time.Second, says: "failed 2 times"},
		{
			name: "hang, the other is busy", scripts: []string{hang, busy}, requests: []int{1, 1},
			code: rpcx.ResourceExhausted, safe: false, took: time.Second, says: "failed 2 times",
		},
		{name: "fails at once", scripts: []string{fail, ok}, requests: []int{1, 0}, code: rpcx.Unknown, says: "no luck"},
		{name: "dies at once", scripts: []string{crash, ok}, requests: []int{1, 1}, reply: "from node1"},
		{name: "busy", scripts: []string{busy, ok}, requests: []int{1, 1}, reply: "from node1"},
		{name: "refused", scripts: []string{refused, ok}, requests: []int{0, 1}, reply: "from node1"},
		{name: "all refused", scripts: []string{refused, refused}, requests: []int{0, 0}, code: rpcx.Unavailable, safe: true, says: "failed 2 times"},
		{
			name: "not idempotent, slow", scripts: []string{slow, ok}, opts: []client.CallOption{client.NonIdempotent()},
			requests: []int{1, 0}, reply: "from node0", took: 50 * time.Millisecond,
		},
		{
			name: "not idempotent, dies", scripts: []string{crash, ok}, opts: []client.CallOption{client.NonIdempotent()},
			requests: []int{1, 0}, code: rpcx.Unavailable, says: "outcome unknown",
		},
		{
			name: "method not idempotent", scripts: []string{slow, ok}, option: client.Option{NonIdempotent: []string{"S.M"}},
			requests: []int{1, 0}, reply: "from node0", took: 50 * time.Millisecond,
		},
		{
			name: "method not idempotent, this call is", scripts: []string{slow, ok}, option: client.Option{NonIdempotent: []string{"S.*"}},
			opts: []client.CallOption{client.Idempotent()}, requests: []int{1, 1}, reply: "from node1", took: 10 * time.Millisecond,
		},
		{
			name: "no budget", scripts: []string{slow, ok}, option: client.Option{RetryBudget: client.RetryBudget{Ratio: -1, PerSecond: -1}},
			requests: []int{1, 0}, reply: "from node0", took: 50 * time.Millisecond,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, tt.scripts...)
				x := f.client(client.Failbackup, tt.option)
				began := time.Now()
				var reply []byte
				err := x.Call(t.Context(), "M", []byte("id"), &reply, append(tt.opts, client.WithTimeout(time.Second))...)
				if took := time.Since(began); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if tt.reply != "" {
					wantOK(t, result{string(reply), err}, tt.reply)
				} else {
					wantError(t, err, tt.code, tt.safe)
				}
				if !strings.Contains(fmt.Sprint(err), tt.says) {
					t.Errorf("error %q does not say %q", err, tt.says)
				}
				if got := f.seen(); !slices.Equal(got, tt.requests) {
					t.Errorf("requests went %v, want %v", got, tt.requests)
				}
			})
		})
	}
}

// serveOn serves S.M on a network until the test ends.
func serveOn(t testing.TB, network *mem.Transport, name string, f func(ctx context.Context, args, reply *[]byte) error) *client.KVPair {
	t.Helper()
	s := server.NewServer(server.WithTransport(network))
	handle(t, s, "M", f)
	served := make(chan error, 1)
	go func() { served <- s.Serve("mem", name) }()
	<-s.Started()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close %s: %v", name, err)
		}
		if err := <-served; !errors.Is(err, server.ErrServerClosed) {
			t.Errorf("serve %s: %v", name, err)
		}
	})
	return &client.KVPair{Key: "mem@" + name}
}

// The loser is canceled on its server, under Failbackup and under Fork, and has ended
// when the call returns: its arguments are the caller's again.
func TestLosersAreCanceled(t *testing.T) {
	t.Parallel()
	calls := map[string]func(x *client.XClient, ctx context.Context, method string, args, reply any, opts ...client.CallOption) error{
		"Failbackup": (*client.XClient).Call, "Fork": (*client.XClient).Fork,
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := mem.New()
				ended := make(chan error, 1)
				var racing atomic.Int32
				stuck := serveOn(t, network, "stuck", func(ctx context.Context, _, _ *[]byte) error {
					<-ctx.Done()
					ended <- ctx.Err()
					return ctx.Err()
				})
				quick := serveOn(t, network, "quick", func(_ context.Context, _, reply *[]byte) error {
					time.Sleep(time.Millisecond)
					*reply = []byte("quick")
					return nil
				})
				p := &peer{t: t, net: network}
				counts := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
					racing.Add(1)
					defer racing.Add(-1)
					return next(ctx, c)
				})
				x := client.NewXClient("S", client.Failbackup, client.RandomSelect,
					client.NewMultipleServersDiscovery([]*client.KVPair{stuck, quick}),
					p.option(client.Option{Balance: inOrder{}, AttemptInterceptors: []rpcx.Interceptor{counts}}))
				closing(t, x)
				var reply []byte
				err := call(x, t.Context(), "M", []byte("x"), &reply)
				wantOK(t, result{string(reply), err}, "quick")
				if n := racing.Load(); n != 0 {
					t.Errorf("%d attempts are still under way", n)
				}
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("the loser's context ended with %v", err)
				}
			})
		})
	}
}

// After some calls a backup goes out when 95 % of them would have been answered.
func TestBackupAfterTheUsualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := mem.New()
		var nodes []*peer
		delay := 2 * time.Millisecond
		for _, name := range []string{"node0", "node1"} {
			p := listenOn(t, network, name)
			p.answer(func(w *wire, m *protocol.Message) {
				d := delay
				if string(m.Payload) == "long" && name == "node0" {
					d = time.Second
				}
				time.AfterFunc(d, func() { w.reply(m, name) })
			})
			nodes = append(nodes, p)
		}
		w := newWatcher()
		x := client.NewXClient("S", client.Failbackup, client.RandomSelect, client.NewMultipleServersDiscovery(pairs(nodes...)),
			nodes[0].option(client.Option{Balance: inOrder{}, Observer: w}))
		closing(t, x)
		for range 100 {
			if err := x.Call(t.Context(), "M", []byte("short"), new([]byte)); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(w.told()); n > 10 {
			t.Errorf("%d of 100 calls that took the usual time had a backup", n)
		}
		began := time.Now()
		var reply []byte
		err := x.Call(t.Context(), "M", []byte("long"), &reply)
		wantOK(t, result{string(reply), err}, "node1")
		if took := time.Since(began); took < 4*time.Millisecond || took > 5*time.Millisecond {
			t.Errorf("took %v, want some 2 ms until the backup and its 2 ms", took)
		}
		if got, want := w.told(), []string{"call hedged S.M mem@node0"}; !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// One call in a hundred is slow. Under Failbackup it is not.
func TestBackupCutsTheTail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		script := strings.Repeat("ok ", 99) + slow
		f := newFleet(t, script, script)
		x := f.client(client.Failbackup, client.Option{Balance: nil})
		worst := time.Duration(0)
		for range 100 {
			began := time.Now()
			if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil {
				t.Fatal(err)
			}
			worst = max(worst, time.Since(began))
		}
		if worst > 20*time.Millisecond {
			t.Errorf("the slowest call took %v", worst)
		}
	})
}

// The trailer and the peer are those of the server that won, and a one-way call and a
// raw one work too.
func TestBackupHandsOverTheOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, hang, ok)
		x := f.client(client.Failbackup, client.Option{})
		var peer rpcx.Peer
		var reply []byte
		if err := x.Call(t.Context(), "M", []byte("x"), &reply, client.WithPeer(&peer)); err != nil || peer.Addr.String() != "node1" {
			t.Errorf("peer %v, %v", peer.Addr, err)
		}
		_, payload, err := x.SendRaw(t.Context(), &protocol.Message{Method: "M", Payload: []byte("y")})
		wantOK(t, result{string(payload), err}, "from node1")
		if err := x.Oneshot(t.Context(), "M", []byte("z")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := f.executions("z"); n != 1 {
			t.Errorf("the one-way call was run %d times", n)
		}
		wantError(t, x.Call(t.Context(), "M", []byte("x"), "no pointer"), rpcx.InvalidArgument, true)
	})
}
