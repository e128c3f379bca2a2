// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
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
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
)

func TestSelectModeNamesAndNumbers(t *testing.T) {
	t.Parallel()
	for number, name := range map[int]string{
		0: "RandomSelect", 1: "RoundRobin", 2: "WeightedRoundRobin", 3: "WeightedICMP", 4: "ConsistentHash", 5: "Closest",
		1000: "SelectByUser", 6: "SelectMode(6)", -1: "SelectMode(-1)",
	} {
		if got := client.SelectMode(number).String(); got != name {
			t.Errorf("select mode %d is %s, want %s", number, got, name)
		}
	}
}

// described returns a client of the fleet's nodes with this metadata.
func (f *fleet) described(sel client.SelectMode, opt client.Option, meta ...string) *client.XClient {
	list := pairs(f.nodes...)
	for i, m := range meta {
		list[i].Value = m
	}
	p := f.nodes[0]
	x := client.NewXClient("S", client.Failover, sel, client.NewMultipleServersDiscovery(list), p.option(opt))
	closing(p.t, x)
	return x
}

// calls makes n calls, one after the other.
func calls(t *testing.T, x *client.XClient, n int, opts ...client.CallOption) {
	t.Helper()
	for range n {
		if err := x.Call(t.Context(), "M", []byte("x"), new([]byte), opts...); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWeightedModes(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ok, ok, ok)
	calls(t, f.described(client.WeightedRoundRobin, client.Option{}, "weight=5", "weight=1", "weight=0"), 60)
	if got := f.seen(); !slices.Equal(got, []int{50, 10, 0}) {
		t.Errorf("weights 5, 1 and 0: calls went %v", got)
	}
	f = newFleet(t, ok, ok)
	calls(t, f.described(client.WeightedICMP, client.Option{}), 100) // in memory all are 0 ms away
	if got := f.seen(); !slices.Equal(got, []int{50, 50}) {
		t.Errorf("network quality: calls went %v", got)
	}
}

func TestConsistentHashMode(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ok, ok, ok, ok, ok)
	x := f.described(client.ConsistentHash, client.Option{})
	at := func(opts ...client.CallOption) int {
		t.Helper()
		before := f.seen()
		calls(t, x, 5, opts...)
		after := f.seen()
		for i := range after {
			if after[i]-before[i] == 5 {
				return i
			}
		}
		t.Fatalf("calls alike went %v, and before %v", after, before)
		return 0
	}
	at() // by service, method and arguments
	homes := make(map[int]bool)
	for k := range 30 {
		homes[at(client.WithHashKey(fmt.Sprint("user", k)))] = true
	}
	if len(homes) != 5 {
		t.Errorf("30 keys went to %d of 5 servers", len(homes))
	}
	// The option and the context are one thing.
	home := at(client.WithHashKey("user1"))
	before := f.seen()[home]
	if err := x.Call(balance.WithKey(t.Context(), "user1"), "M", []byte("x"), new([]byte)); err != nil {
		t.Fatal(err)
	}
	if f.seen()[home] != before+1 {
		t.Error("the key of the context leads elsewhere than that of the option")
	}
}

// Frames go by their payload, whatever else is in them.
func TestConsistentHashOfFrames(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ok, ok, ok, ok, ok)
	x := f.described(client.ConsistentHash, client.Option{})
	for seq := range 10 {
		m := &protocol.Message{Method: "M", Payload: []byte("x"), Metadata: rpcx.Pairs("n", fmt.Sprint(seq))}
		m.Seq = uint64(seq)
		if _, _, err := x.SendRaw(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	calls(t, x, 10) // the arguments are the same bytes
	if got := f.seen(); slices.Max(got) != 20 {
		t.Errorf("calls went %v, want all to one", got)
	}
}

func TestClosestMode(t *testing.T) {
	t.Parallel()
	const paris, tokyo = "latitude=48.9&longitude=2.4", "latitude=35.7&longitude=139.7"
	f := newFleet(t, ok, ok)
	x := f.described(client.Closest, client.Option{}, paris, tokyo)
	calls(t, x, 5) // before it is known where it is
	f.mu.Lock()
	clear(f.requests)
	f.mu.Unlock()
	if err := x.ConfigGeoSelector(50, 8); err != nil {
		t.Fatal(err)
	}
	calls(t, x, 10)
	if got := f.seen(); !slices.Equal(got, []int{10, 0}) {
		t.Errorf("from Frankfurt calls went %v", got)
	}
	if err := x.ConfigGeoSelector(34, 135); err != nil {
		t.Fatal(err)
	}
	calls(t, x, 10)
	if got := f.seen(); !slices.Equal(got, []int{10, 10}) {
		t.Errorf("after moving to Osaka calls went %v", got)
	}
	wantError(t, x.ConfigGeoSelector(100, 0), rpcx.InvalidArgument, true)
	wantError(t, f.described(client.RandomSelect, client.Option{}).ConfigGeoSelector(1, 1), rpcx.InvalidArgument, true)

	f = newFleet(t, refused, ok) // the nearest is down
	x = f.described(client.Closest, client.Option{}, paris, tokyo)
	if err := x.ConfigGeoSelector(50, 8); err != nil {
		t.Fatal(err)
	}
	calls(t, x, 5)
	if got := f.seen(); got[1] != 5 {
		t.Errorf("calls went %v, the nearest is down", got)
	}
}

func TestStickyOption(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ok, ok, ok)
	calls(t, f.described(client.RoundRobin, client.Option{Sticky: true}), 30)
	if got := f.seen(); slices.Max(got) != 30 {
		t.Errorf("calls went %v, want all to one", got)
	}
}

func TestSelectByUser(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ok, ok)
	calls(t, f.described(client.SelectByUser, client.Option{Balance: inOrder{}}), 5)
	if got := f.seen(); !slices.Equal(got, []int{5, 0}) {
		t.Errorf("calls went %v, want all to the first", got)
	}
	for _, mode := range []client.SelectMode{client.SelectByUser, 6, -1} {
		for _, sticky := range []bool{false, true} {
			x := f.described(mode, client.Option{Sticky: sticky})
			wantError(t, x.Call(t.Context(), "M", []byte("x"), new([]byte)), rpcx.InvalidArgument, true)
		}
	}
}

// student is a policy that learns: it writes down what it is told.
type student struct {
	mu      sync.Mutex
	made    int
	closed  int
	begun   []string // addresses
	ended   []string
	outcome []balance.Outcome
	fails   error // of Close
}

func (s *student) NewPicker(set []registry.Instance, last balance.Picker) balance.Picker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if (last != nil) != (s.made > 0) {
		return nobody{} // and every call fails
	}
	s.made++
	return &studious{s, set, orderedPicker(len(set))}
}

type studious struct {
	*student
	set []registry.Instance
	balance.Picker
}

func (p *studious) Begin(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = append(p.begun, p.set[i].Addr)
}

func (p *studious) End(i int, o balance.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = append(p.ended, p.set[i].Addr)
	p.outcome = append(p.outcome, o)
}

func (p *studious) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed++
	return p.fails
}

func (s *student) facts(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// A policy that learns hears of every attempt, how long it took and what came of it.
func TestPolicyLearns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "busy", "ok fail hang")
		s := new(student)
		x := f.client(client.Failover, client.Option{Balance: s})
		calls(t, x, 1) // the first is busy, the second answers
		_ = x.Call(t.Context(), "M", []byte("x"), new([]byte))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_ = x.Call(ctx, "M", []byte("x"), new([]byte))
		s.facts(func() {
			want := []string{"node0", "node1", "node0", "node1", "node0", "node1"}
			if !slices.Equal(s.begun, want) || !slices.Equal(s.ended, want) {
				t.Fatalf("begun %v, ended %v, want %v", s.begun, s.ended, want)
			}
			for i, code := range []rpcx.Code{rpcx.ResourceExhausted, 0, rpcx.ResourceExhausted, rpcx.Unknown, rpcx.ResourceExhausted, rpcx.DeadlineExceeded} {
				if o := s.outcome[i]; (o.Err == nil) != (code == 0) || code != 0 && !errors.Is(o.Err, code) {
					t.Errorf("attempt %d ended with %v, want %v", i, o.Err, code)
				}
			}
			if took := s.outcome[5].Latency; took <= 0 || took > 3*time.Second {
				t.Errorf("the attempt that timed out took %v", took)
			}
		})
		if err := x.Oneshot(t.Context(), "M", []byte("x")); err != nil {
			t.Fatal(err)
		}
		s.facts(func() {
			if last := s.outcome[len(s.outcome)-1]; last.Latency != 0 || last.Err != nil {
				t.Errorf("a one-way call ended with %v", last)
			}
		})
	})
}

// Also one that ends in a panic of an interceptor.
func TestPolicyHearsOfPanics(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ok)
	s := new(student)
	x := f.client(client.Failfast, client.Option{Balance: s, AttemptInterceptors: []rpcx.Interceptor{{
		Unary: func(rpcx.UnaryFunc) rpcx.UnaryFunc {
			return func(context.Context, *rpcx.Call) error { panic("mine") }
		},
	}}})
	func() {
		defer func() { _ = recover() }()
		_ = x.Call(t.Context(), "M", []byte("x"), new([]byte))
	}()
	s.facts(func() {
		if len(s.begun) != 1 || len(s.ended) != 1 {
			t.Errorf("begun %v, ended %v, want one each", s.begun, s.ended)
		}
	})
}

// Pickers get the one before, are closed when they are replaced, and in the end. A list
// that is empty for a while makes no difference.
func TestPickersAreReplacedAndClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, ok, ok)
		both := pairs(f.nodes...)
		d := client.NewMultipleServersDiscovery(both)
		s := &student{fails: errors.New("cannot close")}
		x := client.NewXClient("S", client.Failfast, client.RandomSelect, d, f.nodes[0].option(client.Option{Balance: s}))
		want := func(made, closed int) {
			t.Helper()
			synctest.Wait()
			s.facts(func() {
				if s.made != made || s.closed != closed {
					t.Errorf("made %d pickers, closed %d, want %d and %d", s.made, s.closed, made, closed)
				}
			})
		}
		update := func(list []*client.KVPair) {
			t.Helper()
			if err := d.Update(list); err != nil {
				t.Fatal(err)
			}
		}
		calls(t, x, 2)
		want(1, 0)
		update(both[:1])
		want(2, 1)
		update(both[:1])
		want(2, 1)
		update(nil)
		want(2, 1)
		update(both)
		want(3, 2)
		calls(t, x, 1)
		for range 2 {
			if err := x.Close(); err != nil {
				t.Error(err)
			}
			want(3, 3)
		}
	})
}

// A policy that a program wraps around others works as a whole.
func TestPoliciesAroundOthers(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ok, ok, ok, ok)
	x := f.described(client.SelectByUser, client.Option{
		Balance: balance.ZoneAware{Zone: "a", Then: balance.SlowStart{Then: balance.P2C{}}},
	}, "zone=a", "zone=b", "zone=a", "zone=b")
	calls(t, x, 100)
	if got := f.seen(); got[1]+got[3] != 0 || got[0] == 0 || got[2] == 0 {
		t.Errorf("calls went %v, want zone a", got)
	}
}

// Filter narrows the servers, and is not asked for calls.
func TestFilter(t *testing.T) {
	t.Parallel()
	f := newFleet(t, ok, ok, ok)
	var mu sync.Mutex
	asked := 0
	x := f.described(client.RoundRobin, client.Option{Filter: func(in registry.Instance) bool {
		mu.Lock()
		defer mu.Unlock()
		asked++
		return in.Meta.Get("version") != "1"
	}}, "version=1", "version=2", "")
	calls(t, x, 20)
	if got := f.seen(); !slices.Equal(got, []int{0, 10, 10}) {
		t.Errorf("calls went %v", got)
	}
	if mu.Lock(); asked != 3 {
		t.Errorf("asked %d times about 3 servers", asked)
	}
	mu.Unlock()
}

// A call that finds no server says where they went.
func TestWhereTheServersWent(t *testing.T) {
	t.Parallel()
	none := func(registry.Instance) bool { return false }
	tests := []struct {
		name string
		sel  client.SelectMode
		opt  client.Option
		list []*client.KVPair
		code rpcx.Code
		says []string
		not  []string
	}{
		{"empty", 0, client.Option{}, nil, rpcx.Unavailable, []string{"can not found any server of S", "discovery knows none"}, nil},
		{
			"all kinds", 0,
			client.Option{Group: "g", Filter: none},
			[]*client.KVPair{{Key: "mem@a", Value: "state=inactive"}, {Key: "mem@b", Value: "group=h"}, {Key: "mem@c"}, {Key: "mem@d", Value: "group=g"}},
			rpcx.Unavailable,
			[]string{"1 inactive", "2 not of the group that Option.Group wants", "1 refused by Option.Filter"},
			[]string{"discovery knows none", "not chosen"},
		},
		{
			"no weight", client.WeightedRoundRobin,
			client.Option{},
			[]*client.KVPair{{Key: "mem@a", Value: "weight=0"}, {Key: "mem@b", Value: "weight=-1"}},
			rpcx.Unavailable,
			[]string{"can not found any server of S", "2 not chosen by the policy"},
			[]string{"inactive"},
		},
		{
			"a network that is unknown", 0,
			client.Option{},
			[]*client.KVPair{{Key: "pigeon@roof"}},
			rpcx.InvalidArgument,
			[]string{"pigeon@roof", "Option.Transports"},
			[]string{"host:port"},
		},
		{
			"an address that is none", 0,
			client.Option{},
			[]*client.KVPair{{Key: "tcp@localhost"}},
			rpcx.InvalidArgument,
			[]string{"tcp@localhost", "want host:port"},
			[]string{"Option.Transports"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, mode := range []client.FailMode{client.Failover, client.Failfast, client.Failtry} {
				p := newPeer(t)
				x := client.NewXClient("S", mode, tt.sel, client.NewMultipleServersDiscovery(tt.list),
					p.option(withRetries(tt.opt, client.NoRetry)))
				closing(t, x)
				err := x.Call(t.Context(), "M", []byte("x"), new([]byte))
				wantError(t, err, tt.code, true)
				for _, s := range tt.says {
					if err != nil && !strings.Contains(err.Error(), s) {
						t.Errorf("%v: error %q does not say %q", mode, err, s)
					}
				}
				for _, s := range tt.not {
					if err != nil && strings.Contains(err.Error(), s) {
						t.Errorf("%v: error %q says %q", mode, err, s)
					}
				}
			}
		})
	}
}

func withRetries(opt client.Option, n int) client.Option {
	opt.Retries = n
	return opt
}

// When the servers go for another reason, the error follows.
func TestWhereTheServersWentNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := client.NewMultipleServersDiscovery([]*client.KVPair{{Key: "mem@a", Value: "state=inactive"}})
		x := client.NewXClient("S", client.Failfast, client.RandomSelect, d, newPeer(t).option(client.Option{}))
		closing(t, x)
		if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); !strings.Contains(err.Error(), "1 inactive") {
			t.Errorf("error is %q", err)
		}
		if err := d.Update(nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); !strings.Contains(err.Error(), "discovery knows none") {
			t.Errorf("error is %q", err)
		}
	})
}
