// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/rpctest"
)

func TestBroadcastAndFork(t *testing.T) {
	t.Parallel()
	tests := []struct {
		mode     string
		name     string
		scripts  []string
		requests []int
		reply    string // "": an error
		code     rpcx.Code
		safe     bool
		took     time.Duration
		says     []string
	}{
		{mode: "Broadcast", name: "works", scripts: []string{slow, ok, slow}, requests: []int{1, 1, 1}, reply: "from node1", took: 50 * time.Millisecond},
		{mode: "Broadcast", name: "one server", scripts: []string{ok}, requests: []int{1}, reply: "from node0"},
		{
			mode: "Broadcast", name: "one fails", scripts: []string{ok, fail, ok}, requests: []int{1, 1, 1},
			code: rpcx.Unknown, says: []string{"1 of 3 servers", "mem@node1: no luck"},
		},
		{
			mode: "Broadcast", name: "the others are waited for", scripts: []string{fail, slow}, requests: []int{1, 1},
			code: rpcx.Unknown, took: 50 * time.Millisecond,
		},
		{
			mode: "Broadcast", name: "all fail otherwise", scripts: []string{refused, fail, busy}, requests: []int{0, 1, 1},
			code: rpcx.Unknown, says: []string{"3 of 3 servers", "node0", "node1", "node2", "no luck", "busy"},
		},
		{
			mode: "Broadcast", name: "one ran it, one refused", scripts: []string{ok, busy}, requests: []int{1, 1},
			code: rpcx.ResourceExhausted, says: []string{"1 of 2"},
		},
		{mode: "Broadcast", name: "all refused", scripts: []string{refused, refused}, requests: []int{0, 0}, code: rpcx.Unavailable, safe: true, says: []string{"2 of 2"}},
		{mode: "Broadcast", name: "crash", scripts: []string{ok, crash}, requests: []int{1, 1}, code: rpcx.Unavailable, says: []string{"outcome unknown"}},

		{mode: "Fork", name: "works", scripts: []string{hang, slow, hang}, requests: []int{1, 1, 1}, reply: "from node1", took: 50 * time.Millisecond},
		{mode: "Fork", name: "one server", scripts: []string{slow}, requests: []int{1}, reply: "from node0", took: 50 * time.Millisecond},
		{mode: "Fork", name: "errors do not win", scripts: []string{fail, refused, crash, slow}, requests: []int{1, 0, 1, 1}, reply: "from node3", took: 50 * time.Millisecond},
		{
			mode: "Fork", name: "all fail", scripts: []string{fail, crash, refused}, requests: []int{1, 1, 0},
			code: rpcx.Unknown, says: []string{"3 of 3 servers", "no luck", "outcome unknown", "node2"},
		},
		{mode: "Fork", name: "all refused", scripts: []string{refused, refused}, requests: []int{0, 0}, code: rpcx.Unavailable, safe: true},
		{mode: "Fork", name: "hang", scripts: []string{hang, hang}, requests: []int{1, 1}, code: rpcx.DeadlineExceeded, took: time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.mode+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, tt.scripts...)
				x := f.client(client.Failover, client.Option{})
				call := x.Broadcast
				if tt.mode == "Fork" {
					call = x.Fork
				}
				began := time.Now()
				var reply []byte
				err := call(t.Context(), "M", []byte("id"), &reply, client.WithTimeout(time.Second))
				if took := time.Since(began); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if tt.reply != "" {
					wantOK(t, result{string(reply), err}, tt.reply)
				} else {
					wantError(t, err, tt.code, tt.safe)
				}
				for _, want := range tt.says {
					if !strings.Contains(fmt.Sprint(err), want) {
						t.Errorf("error %q does not say %q", err, want)
					}
				}
				if got := f.seen(); !slices.Equal(got, tt.requests) {
					t.Errorf("requests went %v, want %v", got, tt.requests)
				}
			})
		})
	}
}

// Calls to all servers go through interceptors once as a call and once for each
// server, and what they give back is handed over.
func TestEverywhereWithInterceptors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, ok, ok, ok)
		calls, attempts := make(chan string, 10), make(chan string, 10)
		note := func(to chan string) rpcx.Interceptor {
			return unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
				err := next(ctx, c)
				to <- fmt.Sprint(c.Method, " ", c.Peer.Addr != nil)
				return err
			})
		}
		x := f.client(client.Failover, client.Option{
			Interceptors: []rpcx.Interceptor{note(calls)}, AttemptInterceptors: []rpcx.Interceptor{note(attempts)},
		})
		var reply []byte
		var peer rpcx.Peer
		receipts, err := x.Inform(t.Context(), "M", []byte("x"), &reply, client.WithPeer(&peer))
		if err != nil || len(receipts) != 3 || peer.Addr == nil || string(reply) != "from "+peer.Addr.String() {
			t.Errorf("%d receipts, reply %q from %v, %v", len(receipts), reply, peer.Addr, err)
		}
		if len(calls) != 1 || len(attempts) != 3 || <-calls != "M true" {
			t.Errorf("the interceptors saw %d calls and %d attempts", len(calls), len(attempts))
		}
	})
}

// One-way calls reach every server too.
func TestOnewayEverywhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, ok, ok)
		x := f.client(client.Failfast, client.Option{})
		if err := x.Broadcast(t.Context(), "M", []byte("x"), nil); err != nil {
			t.Error(err)
		}
		receipts, err := x.Inform(t.Context(), "M", []byte("x"), nil)
		if err != nil || len(receipts) != 2 || receipts[0].Reply != nil {
			t.Errorf("receipts %v, %v", receipts, err)
		}
		synctest.Wait()
		if n := f.executions("x"); n != 4 {
			t.Errorf("ran %d times, want twice on both servers", n)
		}
	})
}

// Without servers, after Close, or with arguments that cannot be sent there is an error
// and no receipt.
func TestEverywhereNowhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, ok)
		all := func(x *client.XClient, reply any) map[string]error {
			receipts, err := x.Inform(t.Context(), "M", []byte("x"), reply)
			for _, r := range receipts {
				if r.Error == nil || r.Reply != nil {
					t.Errorf("receipt %+v of a call that failed", r)
				}
			}
			return map[string]error{
				"Broadcast": x.Broadcast(t.Context(), "M", []byte("x"), reply),
				"Fork":      x.Fork(t.Context(), "M", []byte("x"), reply),
				"Inform":    err,
			}
		}
		empty := client.NewXClient("S", client.Failfast, client.RandomSelect, client.NewMultipleServersDiscovery(nil), client.Option{})
		closing(t, empty)
		for name, err := range all(empty, new([]byte)) {
			wantError(t, err, rpcx.Unavailable, true)
			if !strings.Contains(fmt.Sprint(err), "can not found any server") {
				t.Errorf("%s: %v", name, err)
			}
		}
		x := f.client(client.Failfast, client.Option{})
		for _, err := range all(x, "no pointer") {
			wantError(t, err, rpcx.InvalidArgument, true)
		}
		x.Close()
		for _, err := range all(x, new([]byte)) {
			wantError(t, err, rpcx.Canceled, true)
		}
	})
}

// A raw message that is not there is an error, not a crash.
func TestSendRawOfNothing(t *testing.T) {
	t.Parallel()
	s := rpctest.NewServer(t)
	x, c := s.Client(t, "S", client.Option{}), s.Dial(t, client.Option{})
	_, _, err := x.SendRaw(t.Context(), nil)
	wantError(t, err, rpcx.InvalidArgument, true)
	_, err = c.SendRaw(t.Context(), nil)
	wantError(t, err, rpcx.InvalidArgument, true)
}

// forgetful is a discovery that ends its watch without a reason.
type forgetful struct{}

func (forgetful) Watch(context.Context, string, func([]registry.Instance)) error { return nil }

func TestWaitForReady(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		script  string
		prepare func(f *fleet, d *client.MultipleServersDiscovery)
		ready   func(f *fleet, d *client.MultipleServersDiscovery)
	}{
		{
			name: "server that is down", script: ok,
			prepare: func(f *fleet, _ *client.MultipleServersDiscovery) { f.nodes[0].refuse() },
			ready:   func(f *fleet, _ *client.MultipleServersDiscovery) { f.nodes[0].listen() },
		},
		{
			name: "service without servers", script: ok,
			prepare: func(_ *fleet, d *client.MultipleServersDiscovery) { _ = d.Update(nil) },
			ready:   func(f *fleet, d *client.MultipleServersDiscovery) { _ = d.Update(pairs(f.nodes...)) },
		},
		{name: "server that is leaving", script: "leaving leaving leaving ok"},
	}
	for _, tt := range tests {
		for _, mode := range []client.FailMode{client.Failfast, client.Failover, client.Failbackup} {
			t.Run(fmt.Sprint(tt.name, "/", mode), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := newFleet(t, tt.script)
					d := client.NewMultipleServersDiscovery(pairs(f.nodes...))
					if tt.prepare != nil {
						tt.prepare(f, d)
					}
					x := client.NewXClient("S", mode, client.RandomSelect, d, f.nodes[0].option(client.Option{}))
					closing(t, x)
					if tt.ready != nil {
						wantError(t, x.Call(t.Context(), "M", []byte("before"), new([]byte)), rpcx.Unavailable, true)
						time.AfterFunc(20*time.Second, func() { tt.ready(f, d) })
					}
					began := time.Now()
					var reply []byte
					err := x.Call(t.Context(), "M", []byte("id"), &reply, client.WaitForReady())
					wantOK(t, result{string(reply), err}, "from node0")
					if took := time.Since(began); took > 23*time.Second || tt.ready != nil && took < 20*time.Second {
						t.Errorf("took %v", took)
					}
					if n := f.executions("id"); n != 1 {
						t.Errorf("it was run %d times", n)
					}
				})
			})
		}
	}
}

// A call that waits ends with its context, with Close, and at once with what waiting does
// not mend.
func TestWaitForReadyEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, refused)
		x := f.client(client.Failfast, client.Option{})
		began := time.Now()
		err := x.Call(t.Context(), "M", []byte("id"), new([]byte), client.WaitForReady(), client.WithTimeout(3*time.Second))
		wantError(t, err, rpcx.DeadlineExceeded, true)
		if took := time.Since(began); took != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(fmt.Sprint(err), "refused") {
			t.Errorf("ended after %v with %v", took, err)
		}
		waiting := inBackground(of(t.Context(), x, client.WaitForReady()), "x")
		time.Sleep(time.Second)
		x.Close()
		wantError(t, (<-waiting).err, rpcx.Canceled, true)

		failing := newFleet(t, "fail crash")
		y := failing.client(client.Failfast, client.Option{})
		wantError(t, y.Call(t.Context(), "M", []byte("id"), new([]byte), client.WaitForReady()), rpcx.Unknown, false)
		wantError(t, y.Call(t.Context(), "M", []byte("id"), new([]byte), client.WaitForReady()), rpcx.Unavailable, false)

		var log bytes.Buffer
		z := client.NewXClient("S", client.Failfast, client.RandomSelect, forgetful{}, client.Option{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		closing(t, z)
		err = z.Call(t.Context(), "M", []byte("id"), new([]byte), client.WaitForReady(), client.WithTimeout(time.Second))
		wantError(t, err, rpcx.DeadlineExceeded, true)
		if !strings.Contains(fmt.Sprint(err), "did not say why") {
			t.Errorf("error %q", err)
		}
		z.Close()
		if text := log.String(); !strings.Contains(text, "did not say why") || strings.Contains(text, "nil") {
			t.Errorf("the log does not say what happened: %s", text)
		}
	})
}
