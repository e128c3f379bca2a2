// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/client"
)

// The tests of this file show that defects which were reproduced in rpcx v1.9.4 are
// not in this client, each under the number that it was given there. R3, R4, R18 and R32
// stand with what they are about.

// R2: a backup attempt that cannot start does not make an empty reply a success.
func TestR2_BackupThatCannotStart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		first  string
		reply  string
		code   rpcx.Code
		within time.Duration
	}{
		{name: "first is slow", first: slow, reply: "from node0", within: 100 * time.Millisecond},
		{name: "first never answers", first: hang, code: rpcx.DeadlineExceeded, within: time.Second},
		{name: "first dies", first: crash, code: rpcx.Unavailable, within: time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, tt.first, refused)
				x := f.client(client.Failbackup, client.Option{})
				for range 3 {
					began := time.Now()
					var reply []byte
					err := x.Call(t.Context(), "M", []byte("id"), &reply, client.WithTimeout(time.Second))
					if tt.reply != "" {
						wantOK(t, result{string(reply), err}, tt.reply)
					} else {
						wantError(t, err, tt.code, false)
					}
					if took := time.Since(began); took > tt.within {
						t.Errorf("took %v, want at most %v", took, tt.within)
					}
				}
			})
		})
	}
}

// R7: a circuit breaker opens on calls that fail, and not only on dials: traffic moves,
// and comes back by a probe.
func TestR7_BreakerCountsTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "hang hang ok", ok)
		w := newWatcher()
		x := f.client(client.Failfast, client.Option{Breaker: client.Breaker{Failures: 2}, Observer: w})
		call := func() (string, error) {
			var reply []byte
			err := x.Call(t.Context(), "M", []byte("id"), &reply, client.WithTimeout(10*time.Millisecond))
			return string(reply), err
		}
		for range 2 {
			_, err := call()
			wantError(t, err, rpcx.DeadlineExceeded, false)
		}
		for range 5 {
			reply, err := call()
			wantOK(t, result{reply, err}, "from node1")
		}
		time.Sleep(time.Second)
		for range 5 { // the first one is the probe
			reply, err := call()
			wantOK(t, result{reply, err}, "from node0")
		}
		want := []string{"circuit breaker opened S.M mem@node0", "circuit breaker closed S.M mem@node0"}
		if got := w.told(); !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// R8: Failover does not choose the server again that it has just failed on.
func TestR8_FailoverLeavesTheDeadNode(t *testing.T) {
	t.Parallel()
	for _, dead := range []string{refused, vanish, leaving} {
		t.Run(dead, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, ok, dead)
				x := f.client(client.Failover, client.Option{Balance: balance.Random{}})
				var callers sync.WaitGroup
				for g := range 20 {
					callers.Go(func() {
						for i := range 100 {
							id := fmt.Sprint(g, "/", i)
							if err := x.Call(t.Context(), "M", []byte(id), new([]byte)); err != nil {
								t.Errorf("call %s: %v", id, err)
							}
							if n := f.executions(id); n != 1 {
								t.Errorf("call %s was run %d times", id, n)
							}
						}
					})
				}
				callers.Wait()
			})
		})
	}
}

// R9: a receipt has the error of its own server.
func TestR9_ReceiptsHaveTheirOwnErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, ok, fail, refused, ok)
		x := f.client(client.Failover, client.Option{})
		receipts, err := x.Inform(t.Context(), "M", []byte("id"), new([]byte))
		wantError(t, err, rpcx.Unknown, false)
		var got []string
		for _, r := range receipts {
			text := r.Address + ": "
			switch reply := r.Reply.(type) {
			case *[]byte:
				text += string(*reply)
			case nil:
				text += rpcx.CodeOf(r.Error).String()
			}
			got = append(got, text)
		}
		want := []string{"node0: from node0", "node1: unknown", "node2: unavailable", "node3: from node3"}
		if !slices.Equal(got, want) {
			t.Errorf("receipts %q, want %q", got, want)
		}
	})
}

// R9, the other half: receipts of successes have none.
func TestR9_ReceiptsOfSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, ok, ok)
		x := f.client(client.Failover, client.Option{})
		var reply []byte
		receipts, err := x.Inform(t.Context(), "M", []byte("id"), &reply)
		if err != nil || len(receipts) != 2 || !strings.HasPrefix(string(reply), "from node") {
			t.Errorf("got %d receipts, reply %q, %v", len(receipts), reply, err)
		}
		for i, r := range receipts {
			if text := string(*r.Reply.(*[]byte)); r.Error != nil || text != fmt.Sprint("from node", i) { //nolint:forcetypeassert // as sent
				t.Errorf("receipt of %s: %q, %v", r.Address, text, r.Error)
			}
		}
	})
}

// R10: a broadcast that did not reach a server has not succeeded.
func TestR10_BroadcastReachesAll(t *testing.T) {
	t.Parallel()
	for _, down := range []string{refused, crash, hang} {
		t.Run(down, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, ok, down)
				x := f.client(client.Failover, client.Option{})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				var reply []byte
				err := x.Broadcast(ctx, "M", []byte("id"), &reply)
				code := rpcx.Unavailable
				if down == hang {
					code = rpcx.DeadlineExceeded
				}
				wantError(t, err, code, false)
				if text := fmt.Sprint(err); !strings.Contains(text, "1 of 2 servers") || !strings.Contains(text, "mem@node1") || strings.Contains(text, "node0") {
					t.Errorf("error %q does not tell of node1 alone", text)
				}
				if reply != nil {
					t.Errorf("the reply of a call that failed is %q", reply)
				}
			})
		})
	}
}
