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
	"github.com/rpcx-go/rpcx/transport/mem"
)

// inOrder chooses the first usable server, so that a test knows which one that is.
type inOrder struct{}

func (inOrder) NewPicker(set []registry.Instance, _ balance.Picker) balance.Picker {
	return orderedPicker(len(set))
}

type orderedPicker int

func (n orderedPicker) Pick(_ context.Context, _ *rpcx.Call, usable func(int) bool) int {
	for i := range int(n) {
		if usable(i) {
			return i
		}
	}
	return -1
}

// What a node of a fleet does with a request.
const (
	ok      = "ok"      // runs and answers it
	fail    = "fail"    // runs it and answers with an error
	crash   = "crash"   // runs it and is gone before it answers
	vanish  = "vanish"  // is gone before it runs it
	hang    = "hang"    // runs it and says nothing
	slow    = "slow"    // runs it and answers after 50 ms
	busy    = "busy"    // refuses it with ResourceExhausted: it did not run
	later   = "later"   // does so, and asks for a pause of laterBy
	leaving = "leaving" // refuses it with Unavailable: it did not run
	unknown = "unknown" // has no such service, as rpcx says it
	refused = "refused" // cannot be dialled; for a whole node
)

const laterBy = 30 * time.Second

// fleet is the servers of one test, and what happened to them.
type fleet struct {
	nodes []*peer

	mu       sync.Mutex
	requests []int          // that each node got
	ran      map[string]int // how often each request was run, by its payload
}

// newFleet starts a node for each script: the behaviors for its requests in turn,
// the last of which stays.
func newFleet(t *testing.T, scripts ...string) *fleet {
	t.Helper()
	f := &fleet{requests: make([]int, len(scripts)), ran: make(map[string]int)}
	network := mem.New()
	for i, script := range scripts {
		p := listenOn(t, network, fmt.Sprint("node", i))
		f.nodes = append(f.nodes, p)
		if script == refused {
			p.refuse()
		}
		steps := strings.Fields(script)
		p.answer(func(w *wire, m *protocol.Message) { f.act(i, steps, w, m) })
	}
	return f
}

func (f *fleet) act(node int, steps []string, w *wire, m *protocol.Message) {
	f.mu.Lock()
	nth := f.requests[node]
	f.requests[node]++
	does := steps[min(nth, len(steps)-1)]
	switch does {
	case ok, fail, crash, hang, slow:
		f.ran[string(m.Payload)]++
	}
	f.mu.Unlock()
	switch does {
	case ok:
		w.reply(m, fmt.Sprint("from node", node))
	case slow:
		time.AfterFunc(50*time.Millisecond, func() { w.reply(m, fmt.Sprint("from node", node)) })
	case fail:
		w.replyError(m, errors.New("no luck"))
	case crash, vanish:
		w.Close()
	case "internal":
		w.replyError(m, rpcx.Errorf(rpcx.Internal, "panic"))
	case "away":
		w.replyError(m, rpcx.Errorf(rpcx.Unavailable, "what is behind me is away"))
	case busy:
		w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted())
	case later:
		w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "later").NotExecuted().WithPause(laterBy))
	case leaving:
		w.replyError(m, rpcx.Errorf(rpcx.Unavailable, "leaving").NotExecuted())
	case unknown:
		a := answerTo(m, "")
		a.Status, a.Metadata = protocol.Error, rpcx.Pairs("__rpcx_error__", "request reached rate limit")
		w.send(a)
	}
}

// client returns a client that tries the nodes in order.
func (f *fleet) client(mode client.FailMode, opt client.Option) *client.XClient {
	var pairs []*client.KVPair
	for _, p := range f.nodes {
		pairs = append(pairs, &client.KVPair{Key: p.key()})
	}
	if opt.Balance == nil {
		opt.Balance = inOrder{}
	}
	p := f.nodes[0]
	x := client.NewXClient("S", mode, client.RandomSelect, client.NewMultipleServersDiscovery(pairs), p.option(opt))
	closing(p.t, x)
	return x
}

// seen returns how many requests each node got.
func (f *fleet) seen() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// executions returns how often a request was run.
func (f *fleet) executions(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ran[id]
}

func TestFailModes(t *testing.T) {
	t.Parallel()
	const once = true // NonIdempotent
	tests := []struct {
		name     string
		mode     client.FailMode
		scripts  []string
		once     bool
		retries  int
		requests []int
		ran      int
		reply    string // "": an error
		code     rpcx.Code
		safe     bool
		says     []string
	}{
		{name: "works", mode: client.Failfast, scripts: []string{ok, ok}, requests: []int{1, 0}, ran: 1, reply: "from node0"},
		{name: "one refused", mode: client.Failfast, scripts: []string{refused, ok}, requests: []int{0, 1}, ran: 1, reply: "from node1"},
		{
			name: "all refused", mode: client.Failfast, scripts: []string{refused, refused, refused}, requests: []int{0, 0, 0},
			code: rpcx.Unavailable, safe: true, says: []string{"failed 3 times", "node0", "node1", "node2", "refused"},
		},
		{name: "one leaving", mode: client.Failfast, scripts: []string{leaving, ok}, requests: []int{1, 1}, ran: 1, reply: "from node1"},
		{
			name: "crash", mode: client.Failfast, scripts: []string{crash, ok}, requests: []int{1, 0}, ran: 1,
			code: rpcx.Unavailable, says: []string{"outcome unknown", "node0"},
		},
		{
			name: "refused, crash", mode: client.Failfast, scripts: []string{refused, crash, ok}, requests: []int{0, 1, 0}, ran: 1,
			code: rpcx.Unavailable, says: []string{"outcome unknown", "failed 2 times", "node0", "node1"},
		},
		{
			name: "vanish", mode: client.Failfast, scripts: []string{vanish, ok}, requests: []int{1, 0},
			code: rpcx.Unavailable, says: []string{"outcome unknown"},
		},
		{name: "service error", mode: client.Failfast, scripts: []string{fail, ok}, requests: []int{1, 0}, ran: 1, code: rpcx.Unknown, says: []string{"no luck"}},
		{name: "busy", mode: client.Failfast, scripts: []string{busy, ok}, requests: []int{1, 0}, code: rpcx.ResourceExhausted, safe: true, says: []string{"busy"}},
		{name: "hang", mode: client.Failfast, scripts: []string{hang, ok}, requests: []int{1, 0}, ran: 1, code: rpcx.DeadlineExceeded},

		{name: "works", mode: client.Failover, scripts: []string{ok, ok}, requests: []int{1, 0}, ran: 1, reply: "from node0"},
		{name: "refused", mode: client.Failover, scripts: []string{refused, refused, ok}, requests: []int{0, 0, 1}, ran: 1, reply: "from node2"},
		{
			name: "refused does not count", mode: client.Failover, retries: 1, scripts: []string{refused, refused, refused, refused, crash, ok},
			requests: []int{0, 0, 0, 0, 1, 1}, ran: 2, reply: "from node5",
		},
		{name: "refused, no retry", mode: client.Failover, retries: client.NoRetry, scripts: []string{refused, ok}, requests: []int{0, 1}, ran: 1, reply: "from node1"},
		{
			name: "all refused", mode: client.Failover, retries: 1, scripts: []string{refused, refused}, requests: []int{0, 0},
			code: rpcx.Unavailable, safe: true, says: []string{"node0", "node1"},
		},
		{name: "crash", mode: client.Failover, scripts: []string{crash, ok}, requests: []int{1, 1}, ran: 2, reply: "from node1"},
		{name: "vanish", mode: client.Failover, scripts: []string{vanish, ok}, requests: []int{1, 1}, ran: 1, reply: "from node1"},
		{
			name: "crash everywhere", mode: client.Failover, scripts: []string{crash, crash, crash}, requests: []int{2, 1, 1}, ran: 4,
			code: rpcx.Unavailable, says: []string{"failed 4 times", "outcome unknown", "node0", "node1", "node2"},
		},
		{name: "second round", mode: client.Failover, scripts: []string{"crash ok", crash, crash}, requests: []int{2, 1, 1}, ran: 4, reply: "from node0"},
		{name: "no retry", mode: client.Failover, retries: client.NoRetry, scripts: []string{crash, ok}, requests: []int{1, 0}, ran: 1, code: rpcx.Unavailable},
		{
			name: "one retry", mode: client.Failover, retries: 1, scripts: []string{crash, crash, ok}, requests: []int{1, 1, 0}, ran: 2,
			code: rpcx.Unavailable, says: []string{"failed 2 times"},
		},
		{name: "service error", mode: client.Failover, scripts: []string{fail, ok}, requests: []int{1, 0}, ran: 1, code: rpcx.Unknown, says: []string{"no luck"}},
		{name: "service error at last", mode: client.Failover, scripts: []string{crash, fail, ok}, requests: []int{1, 1, 0}, ran: 2, code: rpcx.Unknown, says: []string{"no luck"}},
		{name: "busy", mode: client.Failover, scripts: []string{busy, leaving, unknown, ok}, requests: []int{1, 1, 1, 1}, ran: 1, reply: "from node3"},
		{name: "busy everywhere", mode: client.Failover, scripts: []string{busy, busy}, requests: []int{2, 2}, code: rpcx.ResourceExhausted, safe: true, says: []string{"busy"}},
		{name: "hang", mode: client.Failover, scripts: []string{hang, ok}, requests: []int{1, 0}, ran: 1, code: rpcx.DeadlineExceeded},
		{
			name: "once: crash", mode: client.Failover, once: once, scripts: []string{crash, ok}, requests: []int{1, 0}, ran: 1,
			code: rpcx.Unavailable, says: []string{"outcome unknown"},
		},
		{name: "once: vanish", mode: client.Failover, once: once, scripts: []string{vanish, ok}, requests: []int{1, 0}, code: rpcx.Unavailable},
		{name: "once: refused", mode: client.Failover, once: once, scripts: []string{refused, ok}, requests: []int{0, 1}, ran: 1, reply: "from node1"},
		{name: "once: busy", mode: client.Failover, once: once, scripts: []string{busy, leaving, ok}, requests: []int{1, 1, 1}, ran: 1, reply: "from node2"},

		{name: "works", mode: client.Failtry, scripts: []string{ok, ok}, requests: []int{1, 0}, ran: 1, reply: "from node0"},
		{name: "crash", mode: client.Failtry, scripts: []string{"crash ok", ok}, requests: []int{2, 0}, ran: 2, reply: "from node0"},
		{
			name: "crash for ever", mode: client.Failtry, scripts: []string{crash, ok}, requests: []int{4, 0}, ran: 4,
			code: rpcx.Unavailable, says: []string{"failed 4 times", "outcome unknown"},
		},
		{name: "one retry", mode: client.Failtry, retries: 1, scripts: []string{crash, ok}, requests: []int{2, 0}, ran: 2, code: rpcx.Unavailable},
		{name: "no retry", mode: client.Failtry, retries: client.NoRetry, scripts: []string{crash, ok}, requests: []int{1, 0}, ran: 1, code: rpcx.Unavailable},
		{name: "busy", mode: client.Failtry, scripts: []string{"busy leaving unknown ok", ok}, requests: []int{4, 0}, ran: 1, reply: "from node0"},
		{name: "refused", mode: client.Failtry, scripts: []string{refused, ok}, requests: []int{0, 1}, ran: 1, reply: "from node1"},
		{
			name: "all refused", mode: client.Failtry, scripts: []string{refused}, requests: []int{0},
			code: rpcx.Unavailable, safe: true, says: []string{"failed 4 times", "node0", "refused"},
		},
		{name: "service error", mode: client.Failtry, scripts: []string{fail, ok}, requests: []int{1, 0}, ran: 1, code: rpcx.Unknown, says: []string{"no luck"}},
		{name: "hang", mode: client.Failtry, scripts: []string{hang, ok}, requests: []int{1, 0}, ran: 1, code: rpcx.DeadlineExceeded},
		{name: "once: crash", mode: client.Failtry, once: once, scripts: []string{crash, ok}, requests: []int{1, 0}, ran: 1, code: rpcx.Unavailable, says: []string{"outcome unknown"}},
		{name: "once: busy", mode: client.Failtry, once: once, scripts: []string{"busy ok"}, requests: []int{2}, ran: 1, reply: "from node0"},
	}
	for _, tt := range tests {
		t.Run(tt.mode.String()+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, tt.scripts...)
				x := f.client(tt.mode, client.Option{Retries: tt.retries})
				opts := []client.CallOption{client.WithTimeout(time.Minute)}
				if tt.once {
					opts = append(opts, client.NonIdempotent())
				}
				var reply []byte
				err := x.Call(t.Context(), "M", []byte("id"), &reply, opts...)
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
				if got := f.executions("id"); got != tt.ran {
					t.Errorf("it was run %d times, want %d", got, tt.ran)
				}
			})
		})
	}
}

// A node that is away for 100 ms costs a call under Failtry some time and nothing else.
func TestFailtryOutlastsABlip(t *testing.T) {
	t.Parallel()
	for range 20 { // pauses are random
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, ok)
			x := f.client(client.Failtry, client.Option{})
			node := f.nodes[0]
			if err := x.Call(t.Context(), "M", []byte("before"), new([]byte)); err != nil {
				t.Fatal(err)
			}
			node.refuse()
			node.cut()
			synctest.Wait()
			time.AfterFunc(100*time.Millisecond, node.listen)
			began := time.Now()
			var reply []byte
			err := x.Call(t.Context(), "M", []byte("during"), &reply)
			wantOK(t, result{string(reply), err}, "from node0")
			if took := time.Since(began); took < 100*time.Millisecond || took > 500*time.Millisecond {
				t.Errorf("took %v", took)
			}
			if n := f.executions("during"); n != 1 {
				t.Errorf("it was run %d times", n)
			}
		})
	}
}

// A node that leaves the list during a pause is not tried again.
func TestFailtryFollowsTheList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, crash, ok)
		d := client.NewMultipleServersDiscovery(pairs(f.nodes[0]))
		var once sync.Once
		moves := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
			err := next(ctx, c)
			once.Do(func() {
				if err := d.Update(pairs(f.nodes[1])); err != nil {
					t.Error(err)
				}
				synctest.Wait()
			})
			return err
		})
		x := client.NewXClient("S", client.Failtry, client.RandomSelect, d,
			f.nodes[0].option(client.Option{AttemptInterceptors: []rpcx.Interceptor{moves}}))
		closing(t, x)
		var reply []byte
		err := x.Call(t.Context(), "M", []byte("id"), &reply)
		wantOK(t, result{string(reply), err}, "from node1")
	})
}

// nobody is a policy that never chooses.
type nobody struct{}

func (nobody) NewPicker([]registry.Instance, balance.Picker) balance.Picker { return nobody{} }
func (nobody) Pick(context.Context, *rpcx.Call, func(int) bool) int         { return -1 }

func TestPolicyThatChoosesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, ok)
		for _, mode := range []client.FailMode{client.Failfast, client.Failover, client.Failtry} {
			x := f.client(mode, client.Option{Balance: nobody{}})
			wantError(t, x.Call(t.Context(), "M", []byte("id"), new([]byte)), rpcx.Unavailable, true)
		}
	})
}

// One of three nodes is dead: no call fails, and no call tries it twice.
func TestFailoverWithADeadNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, ok, refused, ok)
		x := f.client(client.Failover, client.Option{Balance: balance.Random{}})
		var callers sync.WaitGroup
		for g := range 10 {
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
}

// Failfast runs nothing twice, whatever happens to the connections.
func TestFailfastNeverRunsTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "ok crash ok vanish ok leaving ok", "crash ok busy ok ok crash ok", "ok vanish crash ok")
		x := f.client(client.Failfast, client.Option{Balance: balance.Random{}})
		var callers sync.WaitGroup
		for g := range 8 {
			callers.Go(func() {
				for i := range 50 {
					id := fmt.Sprint(g, "/", i)
					err := x.Call(t.Context(), "M", []byte(id), new([]byte))
					n := f.executions(id)
					switch {
					case n > 1, err == nil && n != 1, rpcx.SafeToRetry(err) && n != 0:
						t.Errorf("call %s was run %d times, %v", id, n, err)
					}
				}
			})
		}
		callers.Wait()
	})
}

// Retries and their pauses end before the context does, and the error says of what.
func TestRetriesObeyTheContext(t *testing.T) {
	t.Parallel()
	for _, mode := range []client.FailMode{client.Failover, client.Failtry} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, crash)
				x := f.client(mode, client.Option{Retries: 1000})
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				began := time.Now()
				err := x.Call(ctx, "M", []byte("id"), new([]byte))
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("took %v, the deadline was 3 s", took)
				}
				wantError(t, err, rpcx.Unavailable, false) // there was no time for another pause
				if text := fmt.Sprint(err); !strings.Contains(text, "outcome unknown") {
					t.Errorf("error %q does not tell of the attempts", text)
				}
				if n := f.executions("id"); n < 2 || n > 100 {
					t.Errorf("it was run %d times in 3 s", n)
				}
			})
		})
	}
}

// A context that is canceled during a pause ends the call at once.
func TestCancelDuringPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, refused)
		x := f.client(client.Failtry, client.Option{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		began := time.Now()
		err := x.Call(ctx, "M", []byte("id"), new([]byte))
		wantError(t, err, rpcx.Canceled, true)
		if took := time.Since(began); took != time.Millisecond {
			t.Errorf("took %v, want 1 ms", took)
		}
	})
}

// A server that takes connections only to close them holds nobody up, and is not
// flooded with them.
func TestServerThatClosesEveryConnection(t *testing.T) {
	t.Parallel()
	for _, mode := range []client.FailMode{client.Failfast, client.Failover, client.Failtry} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(t)
				p.mu.Lock()
				p.serve = func(w *wire) { w.Close() }
				p.mu.Unlock()
				x := p.client(mode, client.Option{})
				err := x.Call(t.Context(), "M", []byte("x"), new([]byte))
				wantError(t, err, rpcx.Unavailable, rpcx.SafeToRetry(err))
				if n := p.accepted(); n > 20 {
					t.Errorf("made %d connections", n)
				}
			})
		})
	}
}

func TestModesHaveNames(t *testing.T) {
	t.Parallel()
	for got, want := range map[fmt.Stringer]string{
		client.Failover: "Failover", client.Failfast: "Failfast", client.Failtry: "Failtry",
		client.Failbackup: "Failbackup", client.FailMode(9): "FailMode(9)",
		client.RandomSelect: "RandomSelect", client.RoundRobin: "RoundRobin", client.SelectMode(9): "SelectMode(9)",
	} {
		if got.String() != want {
			t.Errorf("name is %q, want %q", got, want)
		}
	}
	if client.Failover != 0 || client.Failfast != 1 || client.Failtry != 2 || client.Failbackup != 3 || client.RandomSelect != 0 || client.RoundRobin != 1 {
		t.Error("the modes do not have rpcx's numbers")
	}
}

// The trailer and the peer of a call are those of its last attempt.
func TestTrailerOfTheLastAttempt(t *testing.T) {
	t.Parallel()
	f := newFleet(t, busy, crash)
	x := f.client(client.Failover, client.Option{Retries: 1})
	var trailer rpcx.Metadata
	var peer rpcx.Peer
	err := x.Call(t.Context(), "M", []byte("id"), new([]byte), client.WithTrailer(&trailer), client.WithPeer(&peer))
	wantError(t, err, rpcx.Unavailable, false)
	if !trailer.IsZero() {
		t.Errorf("trailer is %v, but the last attempt got no reply", trailer.Map())
	}
	if peer.Addr == nil || peer.Addr.String() != "node1" {
		t.Errorf("peer is %+v, want node1", peer)
	}
}
