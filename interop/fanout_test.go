// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"slices"
	"testing"

	realclient "github.com/smallnest/rpcx/client"

	"github.com/rpcx-go/rpcx/client"
)

// TestRealFanOut lets a real client send each call to several of our servers, in all
// the ways that it has.
func TestRealFanOut(t *testing.T) {
	t.Parallel()
	var pairs []*realclient.KVPair
	for range 3 {
		s := recordedOurs(t, "tcp", "127.0.0.1:0", condition{})
		pairs = append(pairs, &realclient.KVPair{Key: s.address()})
	}
	open := func(t *testing.T, mode realclient.FailMode) realclient.XClient {
		d, err := realclient.NewMultipleServersDiscovery(slices.Clone(pairs)) // a real client sorts them in place
		must(t, err)
		opt := realclient.DefaultOption
		opt.ConnectTimeout = dialTimeout
		x := realclient.NewXClient("Arith", mode, realclient.RoundRobin, d, opt)
		t.Cleanup(func() { _ = x.Close() })
		return x
	}
	ways := map[string]func(t *testing.T, r *VReply) error{
		"broadcast": func(t *testing.T, r *VReply) error {
			return open(t, realclient.Failover).Broadcast(t.Context(), "Mul", &VArgs{6, 7}, r)
		},
		"fork": func(t *testing.T, r *VReply) error {
			return open(t, realclient.Failover).Fork(t.Context(), "Mul", &VArgs{6, 7}, r)
		},
		"inform": func(t *testing.T, r *VReply) error {
			receipts, err := open(t, realclient.Failover).Inform(t.Context(), "Mul", &VArgs{6, 7}, r)
			if len(receipts) != len(pairs) {
				t.Errorf("%d receipts, want %d", len(receipts), len(pairs))
			}
			return err
		},
		"backup": func(t *testing.T, r *VReply) error { // the second request goes out after 10 ms
			return open(t, realclient.Failbackup).Call(t.Context(), "Slow", &VArgs{42, 30}, r)
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r VReply
			if err := way(t, &r); err != nil || r.C != 42 {
				t.Errorf("%v, %+v, want no error and 42", err, r)
			}
		})
	}
}

// TestOurFanOut is the reverse: our client, several real servers.
func TestOurFanOut(t *testing.T) {
	t.Parallel()
	var pairs []*client.KVPair
	for range 3 {
		s := recordedTheirs(t, "tcp", "127.0.0.1:0", condition{}, nil)
		pairs = append(pairs, &client.KVPair{Key: s.address()})
	}
	open := func(t *testing.T, mode client.FailMode) *client.XClient {
		x := client.NewXClient("Arith", mode, client.RoundRobin, client.NewMultipleServersDiscovery(pairs),
			client.Option{ConnectTimeout: dialTimeout, Logger: quiet()})
		t.Cleanup(func() { _ = x.Close() })
		return x
	}
	ways := map[string]func(t *testing.T, r *VReply) error{
		"broadcast": func(t *testing.T, r *VReply) error {
			return open(t, client.Failover).Broadcast(t.Context(), "Mul", &VArgs{6, 7}, r)
		},
		"fork": func(t *testing.T, r *VReply) error {
			return open(t, client.Failover).Fork(t.Context(), "Mul", &VArgs{6, 7}, r)
		},
		"inform": func(t *testing.T, r *VReply) error {
			receipts, err := open(t, client.Failover).Inform(t.Context(), "Mul", &VArgs{6, 7}, r)
			if len(receipts) != len(pairs) {
				t.Errorf("%d receipts, want %d", len(receipts), len(pairs))
			}
			return err
		},
		"backup": func(t *testing.T, r *VReply) error { // the second request goes out after 10 ms
			return open(t, client.Failbackup).Call(t.Context(), "Slow", &VArgs{42, 30}, r)
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r VReply
			if err := way(t, &r); err != nil || r.C != 42 {
				t.Errorf("%v, %+v, want no error and 42", err, r)
			}
		})
	}
}
