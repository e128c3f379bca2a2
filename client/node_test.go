// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/rpctest"
	"github.com/rpcx-go/rpcx/transport"
	"github.com/rpcx-go/rpcx/transport/mem"
)

// gated is a network on which dials can be held up.
type gated struct {
	*mem.Transport
	gate func(ctx context.Context, addr string) error
}

func (g gated) Dial(ctx context.Context, network, addr string, s transport.Settings) (net.Conn, error) {
	if err := g.gate(ctx, addr); err != nil {
		return nil, err
	}
	return g.Transport.Dial(ctx, network, addr, s)
}

// through returns opt with a gate before the network of p.
func (p *peer) through(gate func(ctx context.Context, addr string) error, opt client.Option) client.Option {
	opt = p.option(opt)
	opt.Transports = append(opt.Transports, gated{p.net, gate})
	return opt
}

// pairs lists peers for a discovery.
func pairs(peers ...*peer) []*client.KVPair {
	var list []*client.KVPair
	for _, p := range peers {
		list = append(list, &client.KVPair{Key: p.key()})
	}
	return list
}

// One node takes long to dial, or cannot be reached at all. In rpcx, whose client
// dials under its lock, that freezes everybody; here it costs each caller one call.
func TestR32_SlowToDialNode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		dial time.Duration // longer than ConnectTimeout: fails
	}{
		{"slow", 700 * time.Millisecond},
		{"black hole", time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := mem.New()
				var nodes []*peer
				for _, name := range []string{"good", "slow"} {
					p := listenOn(t, network, name)
					p.answer(func(w *wire, m *protocol.Message) {
						time.Sleep(time.Millisecond)
						w.reply(m, name)
					})
					nodes = append(nodes, p)
				}
				gate := func(ctx context.Context, addr string) error {
					if addr != "slow" {
						return nil
					}
					timer := time.NewTimer(tt.dial)
					defer timer.Stop()
					select {
					case <-timer.C:
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				x := client.NewXClient("S", client.Failfast, client.RandomSelect,
					client.NewMultipleServersDiscovery(pairs(nodes...)), nodes[0].through(gate, client.Option{}))
				closing(t, x)
				end := time.Now().Add(6 * time.Second)
				var calls atomic.Int64
				var callers sync.WaitGroup
				for g := range 20 {
					callers.Go(func() {
						held := 0
						for time.Now().Before(end) {
							began := time.Now()
							if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil {
								t.Errorf("caller %d: %v", g, err)
							}
							if time.Since(began) > 100*time.Millisecond {
								held++
							}
							calls.Add(1)
						}
						if held > 1 {
							t.Errorf("caller %d was held up %d times", g, held)
						}
					})
				}
				callers.Wait()
				if calls.Load() < 2000 {
					t.Errorf("%d calls in 6 s", calls.Load())
				}
			})
		})
	}
}

// While a node is being dialled nothing else waits: calls to other services and
// nodes, new lists of servers, Close.
func TestDialHoldsNothingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := mem.New()
		a, b := listenOn(t, network, "a"), listenOn(t, network, "b")
		b.answer(func(w *wire, m *protocol.Message) { w.reply(m, "b") })
		gate := func(ctx context.Context, addr string) error {
			if addr == "a" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		d := client.NewMultipleServersDiscovery(pairs(a, b))
		c := client.NewClient(client.Failfast, client.RandomSelect, d,
			a.through(gate, client.Option{Balance: inOrder{}, ConnectTimeout: time.Hour}))
		stuck := make(chan error, 1)
		go func() { stuck <- c.Call(context.Background(), "S", "M", []byte("x"), new([]byte)) }()
		synctest.Wait()
		began := time.Now()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantError(t, c.Call(ctx, "S", "M", []byte("x"), new([]byte)), rpcx.DeadlineExceeded, true)
		if took := time.Since(began); took != time.Second {
			t.Errorf("a caller left after %v, its deadline was 1 s", took)
		}
		if err := d.Update(pairs(b)); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for _, service := range []string{"S", "T"} {
			var reply []byte
			if err := c.Call(t.Context(), service, "M", []byte("x"), &reply); err != nil || string(reply) != "b" {
				t.Errorf("call of %s: %q, %v", service, reply, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("all that took %v", took)
		}
		if err := <-stuck; err != nil { // it went on to b when its server left
			t.Error(err)
		}
	})
}

func TestCloseWhileDialling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		gate := func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}
		x := client.NewXClient("S", client.Failover, client.RandomSelect,
			client.NewPeer2PeerDiscovery(p.key(), ""), p.through(gate, client.Option{ConnectTimeout: time.Hour}))
		stuck := inBackground(of(context.Background(), x), "x")
		synctest.Wait()
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		wantError(t, (<-stuck).err, rpcx.Canceled, true)
	})
}

// A node that leaves the list while it is being dialled loses no call: they go on to
// the servers that are left.
func TestNodeLeavesWhileDialled(t *testing.T) {
	t.Parallel()
	for _, mode := range []client.FailMode{client.Failfast, client.Failover, client.Failtry} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := mem.New()
				a, b := listenOn(t, network, "a"), listenOn(t, network, "b")
				for _, p := range []*peer{a, b} {
					p.answer(func(w *wire, m *protocol.Message) { w.reply(m, p.name) })
				}
				open := make(chan struct{})
				gate := func(_ context.Context, addr string) error {
					if addr == "a" {
						<-open
					}
					return nil
				}
				d := client.NewMultipleServersDiscovery(pairs(a))
				x := client.NewXClient("S", mode, client.RandomSelect, d, a.through(gate, client.Option{Retries: client.NoRetry}))
				closing(t, x)
				done := inBackground(of(t.Context(), x), "x")
				synctest.Wait()
				if err := d.Update(pairs(b)); err != nil {
					t.Error(err)
				}
				wantOK(t, <-done, "b") // without waiting for the dial
				close(open)
				synctest.Wait()
				if n := len(a.open()); n != 0 {
					t.Errorf("%d connections to the old server are open", n)
				}
			})
		})
	}
}

// open returns the connections that the client has not closed.
func (p *peer) open() []*wire {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.wires), func(w *wire) bool {
		_, err := w.Write(nil)
		if err == nil {
			err = w.SetReadDeadline(time.Time{})
		}
		return err != nil
	})
}

// A node that is down is passed over, and used again soon after it is back, with no
// more than a few dials in between.
func TestRefusedNodeComesBack(t *testing.T) {
	t.Parallel()
	for _, down := range []time.Duration{100 * time.Millisecond, 3 * time.Second, time.Minute} {
		t.Run(down.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, ok, ok)
				var dials atomic.Int64
				gate := func(_ context.Context, addr string) error {
					if addr == "node1" {
						dials.Add(1)
					}
					return nil
				}
				opt := f.nodes[0].through(gate, client.Option{})
				x := client.NewXClient("S", client.Failfast, client.RandomSelect,
					client.NewMultipleServersDiscovery(pairs(f.nodes...)), opt)
				closing(t, x)
				f.nodes[1].refuse()
				call := func() {
					t.Helper()
					if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil {
						t.Fatal(err)
					}
					time.Sleep(10 * time.Millisecond)
				}
				for back := time.Now().Add(down); time.Now().Before(back); {
					call()
				}
				if n, most := dials.Load(), int64(10+down/(500*time.Millisecond)); n > most {
					t.Errorf("dialled %d times in %v", n, down)
				}
				f.nodes[1].listen()
				began := time.Now()
				for f.seen()[1] == 0 {
					if time.Since(began) > 6*time.Second {
						t.Fatal("not used again after 6 s")
					}
					call()
				}
			})
		})
	}
}

// A connection that ends is replaced with the next call.
func TestLostConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	seen := newWatcher()
	s := rpctest.NewServer(t)
	handle(t, s.Server, "M", echo)
	x := s.Client(t, "S", client.Option{Observer: seen})
	for i := range 10 {
		args := fmt.Sprint(i)
		wantOK(t, receive(t, inBackground(of(t.Context(), x), args), "the call"), args)
		for _, c := range s.Conns() {
			c.Close()
		}
		receive(t, seen.closed, "the end of the connection")
	}
	if n := len(seen.opened); n != 10 {
		t.Errorf("%d connections were opened, want 10", n)
	}
}

// Calls share a connection, or take turns on as many as were asked for.
func TestConnsPerServer(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3, 8} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(t)
				var mu sync.Mutex
				calls := make(map[*wire]int)
				p.answer(func(w *wire, m *protocol.Message) {
					mu.Lock()
					calls[w]++
					mu.Unlock()
					w.reply(m, "ok")
				})
				x := p.client(client.Failfast, client.Option{ConnsPerServer: n})
				call := func() {
					t.Helper()
					if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil {
						t.Fatal(err)
					}
				}
				want := max(n, 1)
				for range 2 * want { // until all are there
					call()
					synctest.Wait()
				}
				clear(calls)
				for range 10 * want {
					call()
				}
				if len(calls) != want || p.accepted() != want {
					t.Errorf("calls went over %d connections of %d, want %d", len(calls), p.accepted(), want)
				}
				for _, n := range calls {
					if n != 10 {
						t.Errorf("a connection got %d calls, want 10", n)
					}
				}
			})
		})
	}
}

// One of several connections to a server ends: calls go over the others meanwhile.
func TestOneOfSeveralConnectionsIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
		x := p.client(client.Failfast, client.Option{ConnsPerServer: 3})
		call := func() {
			t.Helper()
			if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		for range 6 {
			call()
		}
		time.Sleep(time.Minute) // or it would count as a server that closes every connection
		p.wires[1].Close()
		synctest.Wait()
		for range 6 {
			call()
		}
		if n := p.accepted(); n != 4 {
			t.Errorf("there were %d connections, want three and one more", n)
		}
	})
}

// A further connection that cannot be made holds no call up: there is one.
func TestFurtherConnectionFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
		var dials atomic.Int64
		gate := func(context.Context, string) error {
			if n := dials.Add(1); n > 1 && n < 5 {
				return errors.New("too many")
			}
			return nil
		}
		x := client.NewXClient("S", client.Failfast, client.RandomSelect, client.NewPeer2PeerDiscovery(p.key(), ""),
			p.through(gate, client.Option{ConnsPerServer: 2}))
		closing(t, x)
		for range 60 {
			began := time.Now()
			if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil || time.Since(began) != 0 {
				t.Fatalf("took %v, %v", time.Since(began), err)
			}
			time.Sleep(time.Second)
		}
		if n := p.accepted(); n != 2 {
			t.Errorf("%d connections after a minute, want 2", n)
		}
	})
}

// The same list again changes nothing: connections stay.
func TestUpdateWithTheSameList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
		d := client.NewMultipleServersDiscovery(pairs(p))
		x := client.NewXClient("S", client.Failfast, client.RandomSelect, d, p.option(client.Option{}))
		closing(t, x)
		for range 5 {
			wantOK(t, <-inBackground(of(t.Context(), x), "x"), "ok")
			if err := d.Update(pairs(p)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if err := d.Update([]*client.KVPair{{Key: p.key(), Value: "weight=3"}}); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if n := p.accepted(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}

// New calls follow a new list at once; calls under way on servers that left it end in
// peace, and then the connections are closed.
func TestUpdateMovesCalls(t *testing.T) {
	t.Parallel()
	network := mem.New()
	a, b := listenOn(t, network, "a"), listenOn(t, network, "b")
	d := client.NewMultipleServersDiscovery(pairs(a))
	x := client.NewXClient("S", client.Failfast, client.RandomSelect, d, a.option(client.Option{}))
	closing(t, x)
	old := inBackground(of(t.Context(), x), "old")
	wa := a.accept()
	m := wa.next()
	if err := d.Update(pairs(b)); err != nil {
		t.Fatal(err)
	}
	// Who watches learns of it soon; the connection tells when.
	var wb *wire
	for wb == nil {
		call := inBackground(of(t.Context(), x), "new")
		got := make(chan *protocol.Message, 1)
		go func() {
			if m, err := wa.read(); err == nil {
				got <- m
			}
		}()
		select {
		case wb = <-b.conns:
			wb.hello = wb.next()
			wb.reply(wb.next(), "from b")
			wantOK(t, receive(t, call, "the new call"), "from b")
		case m := <-got:
			wa.reply(m, "too early")
			wantOK(t, receive(t, call, "the new call"), "too early")
		}
	}
	wa.reply(m, "in peace")
	wantOK(t, receive(t, old, "the old call"), "in peace")
	eventually(t, "the old connection is closed", func() bool { return len(a.open()) == 0 })
}

// A bad list changes nothing.
func TestUpdateRefusesBadLists(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "still here") })
	d := client.NewMultipleServersDiscovery(pairs(p))
	x := client.NewXClient("S", client.Failfast, client.RandomSelect, d, p.option(client.Option{}))
	closing(t, x)
	for _, bad := range []*client.KVPair{{Key: ""}, {Key: "mem@"}, {Key: "@x"}, {Key: "mem@x", Value: "%zz"}} {
		err := d.Update([]*client.KVPair{{Key: "mem@other"}, bad})
		wantError(t, err, rpcx.InvalidArgument, true)
		wantOK(t, receive(t, inBackground(of(t.Context(), x), "x"), "the call"), "still here")
	}
}

// Lists change under load, and no call is lost.
func TestUpdateUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := mem.New()
		var nodes []*peer
		for _, name := range []string{"a", "b", "c"} {
			p := listenOn(t, network, name)
			p.answer(func(w *wire, m *protocol.Message) {
				time.Sleep(time.Millisecond)
				w.reply(m, string(m.Payload))
			})
			nodes = append(nodes, p)
		}
		d := client.NewMultipleServersDiscovery(pairs(nodes...))
		x := client.NewXClient("S", client.Failfast, client.RoundRobin, d, nodes[0].option(client.Option{ConnsPerServer: 2}))
		closing(t, x)
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
					args := fmt.Sprint(g, "/", i)
					var reply []byte
					if err := x.Call(t.Context(), "M", []byte(args), &reply); err != nil || string(reply) != args {
						t.Errorf("call %s: %q, %v", args, reply, err)
						return
					}
				}
			})
		}
		for i := range 100 {
			list := pairs(nodes[i%3])
			if i%2 == 0 {
				list = pairs(nodes[i%3], nodes[(i+1)%3])
			}
			if err := d.Update(list); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
		close(stop)
		callers.Wait()
		synctest.Wait()
		if n := len(nodes[0].open()) + len(nodes[1].open()) + len(nodes[2].open()); n > 4 {
			t.Errorf("%d connections are left open, the last list has 2 servers", n)
		}
	})
}

// Servers are found under a list that says which: group and state.
func TestGroupAndState(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		group string
		meta  []string // of the servers a, b, c
		want  string   // who is called
	}{
		{"no group", "", []string{"", "group=x", "group=y&weight=3"}, "abc"},
		{"group", "x", []string{"", "group=x", "group=y"}, "b"},
		{"inactive", "", []string{"state=inactive", "state=active", "state="}, "bc"},
		{"group and state", "x", []string{"group=x&state=inactive", "group=x", "group=y"}, "b"},
		{"none", "z", []string{"", "group=x", "group=y"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			network := mem.New()
			var list []*client.KVPair
			var last *peer
			for i, meta := range tt.meta {
				last = listenOn(t, network, string("abc"[i]))
				last.answer(func(w *wire, m *protocol.Message) { w.reply(m, string("abc"[i])) })
				list = append(list, &client.KVPair{Key: last.key(), Value: meta}, nil, &client.KVPair{Key: last.key(), Value: meta})
			}
			x := client.NewXClient("S", client.Failfast, client.RoundRobin,
				client.NewMultipleServersDiscovery(list), last.option(client.Option{Group: tt.group}))
			closing(t, x)
			called := make(map[string]int)
			for range 12 {
				got := receive(t, inBackground(of(t.Context(), x), "x"), "the call")
				if tt.want == "" {
					wantError(t, got.err, rpcx.Unavailable, true)
					continue
				}
				called[got.reply]++
				if got.err != nil {
					t.Error(got.err)
				}
			}
			if len(called) != len(tt.want) {
				t.Errorf("called %v, want %q", called, tt.want)
			}
			for _, name := range tt.want {
				if called[string(name)] != 12/len(tt.want) {
					t.Errorf("called %v, want %q evenly", called, tt.want)
				}
			}
		})
	}
}

// An entry that nothing can be done with is passed over; only a list of nothing else
// is an error.
func TestUnknownNetworkInTheList(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
	bad := &client.KVPair{Key: "pigeon@roof"}
	some := client.NewXClient("S", client.Failfast, client.RandomSelect,
		client.NewMultipleServersDiscovery([]*client.KVPair{bad, {Key: p.key()}}), p.option(client.Option{}))
	closing(t, some)
	for range 10 {
		wantOK(t, receive(t, inBackground(of(t.Context(), some), "x"), "the call"), "ok")
	}
	none := client.NewXClient("S", client.Failover, client.RandomSelect,
		client.NewMultipleServersDiscovery([]*client.KVPair{bad}), p.option(client.Option{}))
	closing(t, none)
	wantError(t, none.Call(t.Context(), "M", []byte("x"), new([]byte)), rpcx.InvalidArgument, true)
}

// Select modes and policies decide where calls go.
func TestSelectModes(t *testing.T) {
	t.Parallel()
	const n = 300
	tests := []struct {
		name        string
		mode        client.SelectMode
		policy      balance.Policy
		least, most int // of n calls, for each of three servers
	}{
		{"random", client.RandomSelect, nil, 50, 150}, // six standard deviations
		{"round robin", client.RoundRobin, nil, 100, 100},
		{"own policy", client.RandomSelect, balance.RoundRobin{}, 100, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, ok, ok, ok)
			x := client.NewXClient("S", client.Failfast, tt.mode,
				client.NewMultipleServersDiscovery(pairs(f.nodes...)), f.nodes[0].option(client.Option{Balance: tt.policy}))
			closing(t, x)
			for range n {
				if err := x.Call(t.Context(), "M", []byte("x"), new([]byte)); err != nil {
					t.Fatal(err)
				}
			}
			for _, got := range f.seen() {
				if got < tt.least || got > tt.most {
					t.Errorf("calls went %v, want %d to %d each", f.seen(), tt.least, tt.most)
				}
			}
		})
	}
}

// flaky is a discovery that fails before it works.
type flaky struct {
	client.Discovery
	failures atomic.Int64
	err      error
}

func (f *flaky) Watch(ctx context.Context, service string, update func([]registry.Instance)) error {
	if f.failures.Add(-1) >= 0 {
		return f.err
	}
	return f.Discovery.Watch(ctx, service, update)
}

// A discovery that gives up without a reason is one that failed.
func TestDiscoveryEndsItsWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		d := &flaky{Discovery: client.NewPeer2PeerDiscovery(p.key(), "")}
		d.failures.Store(1 << 30)
		x := client.NewXClient("S", client.Failfast, client.RandomSelect, d, p.option(client.Option{}))
		closing(t, x)
		err := x.Call(t.Context(), "M", []byte("x"), new([]byte))
		wantError(t, err, rpcx.Unavailable, true)
		if err != nil && strings.Contains(err.Error(), "nil") {
			t.Errorf("error is %q", err)
		}
	})
}

func TestDiscoveryFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		p.answer(func(w *wire, m *protocol.Message) { w.reply(m, "ok") })
		down := errors.New("registry is down")
		d := &flaky{Discovery: client.NewPeer2PeerDiscovery(p.key(), ""), err: down}
		d.failures.Store(5)
		x := client.NewXClient("S", client.Failfast, client.RandomSelect, d, p.option(client.Option{}))
		closing(t, x)
		err := x.Call(t.Context(), "M", []byte("x"), new([]byte))
		wantError(t, err, rpcx.Unavailable, true)
		if !errors.Is(err, down) {
			t.Errorf("error %v does not tell why", err)
		}
		time.Sleep(time.Minute) // the watch goes on
		wantOK(t, <-inBackground(of(t.Context(), x), "x"), "ok")

		d.failures.Store(1 << 30) // closing does not wait for the registry either
		other := client.NewXClient("S", client.Failfast, client.RandomSelect, d, p.option(client.Option{}))
		wantError(t, other.Call(t.Context(), "M", []byte("x"), new([]byte)), rpcx.Unavailable, true)
		began := time.Now()
		if err := other.Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("close took %v, %v", time.Since(began), err)
		}
	})
}
