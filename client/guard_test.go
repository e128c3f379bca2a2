// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
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
	"github.com/rpcx-go/rpcx/transport/mem"
)

// answers makes a call of a method and says what came back.
func answers(t *testing.T, x *client.XClient, method string) string {
	t.Helper()
	var reply []byte
	err := x.Call(t.Context(), method, []byte("id"), &reply, client.WithTimeout(10*time.Millisecond))
	if err != nil {
		return rpcx.CodeOf(err).String()
	}
	return string(reply)
}

// What opens a breaker after five in a row, and what does not.
func TestWhatBreakersCount(t *testing.T) {
	t.Parallel()
	const many = 8
	tests := []struct {
		script string
		opens  bool
	}{
		{hang, true},
		{leaving, true},
		{"internal", true},
		{"away", true},
		{fail, false},
		{busy, false},
		{"hang hang hang hang ok hang hang hang hang ok", false},
		{"hang hang hang hang fail hang hang hang hang ok", false}, // an error is an answer
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, tt.script, ok)
				w := newWatcher()
				x := f.client(client.Failfast, client.Option{Observer: w, Ejection: client.Ejection{Off: true}})
				for range many {
					answers(t, x, "M")
				}
				first := f.seen()[0]
				if opened := slices.Contains(w.told(), "circuit breaker opened S.M mem@node0"); opened != tt.opens {
					t.Errorf("opened: %t, want %t", opened, tt.opens)
				}
				if want := 5; tt.opens && first != want {
					t.Errorf("the server got %d calls, want %d", first, want)
				}
				if !tt.opens && first < many && tt.script != busy { // see TestBusyServer
					t.Errorf("the server got %d of %d calls", first, many)
				}
			})
		})
	}
}

// A caller that gives up says nothing about the server.
func TestGivingUpIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, hang, ok)
		x := f.client(client.Failfast, client.Option{})
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			wantError(t, x.Call(ctx, "M", []byte("id"), new([]byte)), rpcx.Canceled, false)
		}
		if got := f.seen(); !slices.Equal(got, []int{20, 0}) {
			t.Errorf("requests went %v", got)
		}
	})
}

// byMethod starts nodes whose answer depends on the method.
func byMethod(t *testing.T, opt client.Option, nodes ...func(method string) string) *client.XClient {
	t.Helper()
	network := mem.New()
	var peers []*peer
	for i, does := range nodes {
		p := listenOn(t, network, fmt.Sprint("node", i))
		p.answer(func(w *wire, m *protocol.Message) {
			if does == nil || does(m.Method) != hang {
				w.reply(m, p.name)
			}
		})
		peers = append(peers, p)
	}
	opt.Balance = inOrder{}
	x := client.NewXClient("S", client.Failfast, client.RandomSelect, client.NewMultipleServersDiscovery(pairs(peers...)), peers[0].option(opt))
	closing(t, x)
	return x
}

// A breaker is that of one method on one server.
func TestBreakerPerMethod(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad := func(method string) string {
			if method == "Bad" {
				return hang
			}
			return ok
		}
		x := byMethod(t, client.Option{}, bad, nil)
		for range 5 {
			answers(t, x, "Good") // so that the server as a whole does well
			answers(t, x, "Good")
			answers(t, x, "Bad")
		}
		if bad, good := answers(t, x, "Bad"), answers(t, x, "Good"); bad != "node1" || good != "node0" {
			t.Errorf("Bad went to %s, Good to %s", bad, good)
		}
	})
}

// When a method fails everywhere its calls are made all the same, or refused if the user
// wants that; either way it works as soon as a server does.
func TestBreakersOpenEverywhere(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		t.Run(fmt.Sprint("refuse ", refuse), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				script := strings.Repeat("hang ", 10) + ok
				f := newFleet(t, script, script)
				x := f.client(client.Failfast, client.Option{Breaker: client.Breaker{Refuse: refuse}})
				for range 10 {
					answers(t, x, "M")
				}
				began := time.Now()
				err := x.Call(t.Context(), "M", []byte("id"), new([]byte), client.WithTimeout(10*time.Millisecond))
				if refuse {
					wantError(t, err, rpcx.Unavailable, true)
					if took := time.Since(began); took != 0 || !strings.Contains(fmt.Sprint(err), "circuit breaker") {
						t.Errorf("refused after %v with %v", took, err)
					}
				} else {
					wantError(t, err, rpcx.DeadlineExceeded, false)
				}
				for !strings.HasPrefix(answers(t, x, "M"), "from node") {
					time.Sleep(10 * time.Millisecond)
					if time.Since(began) > time.Minute {
						t.Fatal("no server is tried again")
					}
				}
			})
		})
	}
}

// A refused call that is retried or that waits is made when a probe is due.
func TestRefusedCallsRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, strings.Repeat("hang ", 5)+ok)
		x := f.client(client.Failover, client.Option{Breaker: client.Breaker{Refuse: true}})
		for range 5 {
			answers(t, x, "M")
		}
		err := x.Call(t.Context(), "M", []byte("id"), new([]byte))
		wantError(t, err, rpcx.Unavailable, true)
		var reply []byte
		err = x.Call(t.Context(), "M", []byte("id"), &reply, client.WaitForReady())
		wantOK(t, result{string(reply), err}, "from node0")
	})
}

// A server that fails under every method gets no calls at all, until it returns.
func TestEjection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mended atomic.Bool
		bad := func(string) string {
			if mended.Load() {
				return ok
			}
			return hang
		}
		w := newWatcher()
		x := byMethod(t, client.Option{Observer: w}, bad, nil, nil)
		for _, m := range []string{"A", "B", "C", "D", "E"} { // one failure each: no breaker opens
			if got := answers(t, x, m); got != "deadline exceeded" {
				t.Errorf("%s: %s", m, got)
			}
		}
		for range 3 {
			if got := answers(t, x, "Good"); got != "node1" {
				t.Errorf("Good went to %s", got)
			}
		}
		mended.Store(true)
		time.Sleep(2 * time.Second)
		if got := answers(t, x, "Good"); got != "node0" {
			t.Errorf("Good went to %s after the server returned", got)
		}
		want := []string{"server ejected S.E mem@node0", "server returned mem@node0"}
		if got := w.told(); !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// At most half of the servers are ejected, and never where all fail alike.
func TestEjectionHasACap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		servers []string
		most    int
	}{
		{"all fail", []string{hang, hang, hang, hang}, 2},
		{"three of four", []string{hang, hang, hang, ok}, 2},
		{"one of two", []string{hang, ok}, 1},
		{"alone", []string{hang}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, tt.servers...)
				w := newWatcher()
				x := f.client(client.Failfast, client.Option{Balance: balance.Random{}, Observer: w, Breaker: client.Breaker{Off: true}})
				out, most := 0, 0
				for range 2000 {
					answers(t, x, "M")
					for _, e := range w.told() {
						switch {
						case strings.HasPrefix(e, "server ejected"):
							out++
						case strings.HasPrefix(e, "server returned"):
							out--
						}
						most = max(most, out)
					}
				}
				if most > tt.most {
					t.Errorf("%d servers were out at a time, want at most %d", most, tt.most)
				}
				if tt.name == "one of two" && most != 1 {
					t.Error("the bad server was never out")
				}
			})
		})
	}
}

// Switched off, neither rule keeps anything away.
func TestGuardOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, hang, ok)
		w := newWatcher()
		x := f.client(client.Failfast, client.Option{Observer: w, Breaker: client.Breaker{Off: true}, Ejection: client.Ejection{Off: true}})
		for range 50 {
			answers(t, x, "M")
		}
		if got := f.seen(); got[0] != 50 || len(w.told()) != 0 {
			t.Errorf("requests went %v", got)
		}
	})
}

// A server that comes to a new list starts with a clean slate, and what was open on one
// that has left is forgotten.
func TestGuardFollowsTheList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, "hang hang hang hang hang ok", ok)
		d := client.NewMultipleServersDiscovery(pairs(f.nodes...))
		x := client.NewXClient("S", client.Failfast, client.RandomSelect, d, f.nodes[0].option(client.Option{Balance: inOrder{}}))
		closing(t, x)
		for range 5 {
			answers(t, x, "M")
		}
		if got := answers(t, x, "M"); got != "from node1" {
			t.Errorf("the call went to %s", got)
		}
		for _, list := range [][]*client.KVPair{pairs(f.nodes[1]), pairs(f.nodes...)} {
			if err := d.Update(list); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if got := answers(t, x, "M"); got != "from node0" {
			t.Errorf("the call went to %s", got)
		}
	})
}

// A total outage does not multiply what is sent, and ends within seconds.
func TestOutageIsNotMultiplied(t *testing.T) {
	t.Parallel()
	for _, mode := range []client.FailMode{client.Failover, client.Failtry, client.Failbackup} {
		for _, how := range []string{crash, leaving, refused} {
			t.Run(fmt.Sprint(mode, "/", how), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					down := true
					var mu sync.Mutex
					network := mem.New()
					var nodes []*peer
					sent := 0
					for _, name := range []string{"node0", "node1", "node2"} {
						p := listenOn(t, network, name)
						p.answer(func(w *wire, m *protocol.Message) {
							mu.Lock()
							defer mu.Unlock()
							sent++
							switch {
							case !down:
								w.reply(m, "ok")
							case how == crash:
								w.Close()
							default:
								w.replyError(m, rpcx.Errorf(rpcx.Unavailable, "leaving").NotExecuted())
							}
						})
						if how == refused {
							p.refuse()
						}
						nodes = append(nodes, p)
					}
					x := client.NewXClient("S", mode, client.RandomSelect, client.NewMultipleServersDiscovery(pairs(nodes...)), nodes[0].option(client.Option{}))
					closing(t, x)
					calls := 0
					var callers sync.WaitGroup
					end := time.Now().Add(30 * time.Second)
					for range 10 {
						callers.Go(func() {
							for time.Now().Before(end) {
								mu.Lock()
								calls++
								mu.Unlock()
								_ = x.Call(t.Context(), "M", []byte("id"), new([]byte))
								time.Sleep(50 * time.Millisecond)
							}
						})
					}
					callers.Wait()
					// A tenth of the calls and five a second, and some before the outage is known to be one.
					if most := 1.1*float64(calls) + 5*31 + 200; float64(sent) > most {
						t.Errorf("%d calls were sent %d times, want at most %v", calls, sent, most)
					}
					mu.Lock()
					down = false
					mu.Unlock()
					for _, p := range nodes {
						if how == refused {
							p.listen()
						}
					}
					back, row := time.Now(), 0
					for row < 10 {
						if err := x.Call(t.Context(), "M", []byte("id"), new([]byte)); err != nil {
							row = 0
						} else {
							row++
						}
						time.Sleep(10 * time.Millisecond)
						if time.Since(back) > 5*time.Second {
							t.Fatal("calls fail 5 s after the servers are back")
						}
					}
				})
			})
		}
	}
}

// When the budget is used up the failure stands, and says so. Dead servers are passed
// over for nothing.
func TestBudgetExhausted(t *testing.T) {
	t.Parallel()
	none := client.RetryBudget{Ratio: -1, PerSecond: -1}
	tests := []struct {
		mode     client.FailMode
		scripts  []string
		requests []int
		code     rpcx.Code // 0: it works
		safe     bool
	}{
		{client.Failover, []string{crash, ok}, []int{1, 0}, rpcx.Unavailable, false},
		{client.Failover, []string{busy, ok}, []int{1, 0}, rpcx.ResourceExhausted, true},
		{client.Failover, []string{leaving, ok}, []int{1, 0}, rpcx.Unavailable, true},
		{client.Failfast, []string{leaving, ok}, []int{1, 0}, rpcx.Unavailable, true},
		{client.Failtry, []string{"crash ok"}, []int{1}, rpcx.Unavailable, false},
		{client.Failbackup, []string{crash, ok}, []int{1, 0}, rpcx.Unavailable, false},
		{client.Failover, []string{refused, refused, ok}, []int{0, 0, 1}, 0, false},
		{client.Failfast, []string{refused, ok}, []int{0, 1}, 0, false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.mode, "/", tt.scripts[0], tt.code), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, tt.scripts...)
				w := newWatcher()
				var log bytes.Buffer
				x := f.client(tt.mode, client.Option{RetryBudget: none, Observer: w, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				err := x.Call(t.Context(), "M", []byte("id"), new([]byte))
				if got := f.seen(); !slices.Equal(got, tt.requests) {
					t.Errorf("requests went %v, want %v", got, tt.requests)
				}
				if tt.code == 0 {
					if err != nil || len(w.told()) != 0 {
						t.Errorf("error %v", err)
					}
					return
				}
				wantError(t, err, tt.code, tt.safe)
				if !strings.Contains(fmt.Sprint(err), "retry budget exhausted") {
					t.Errorf("error %q does not say why", err)
				}
				if got := w.told(); !slices.Equal(got, []string{"retry budget exhausted S.M"}) {
					t.Errorf("events %q", got)
				}
				x.Close()
				if n := strings.Count(log.String(), "retry budget exhausted"); n != 1 {
					t.Errorf("the log has it %d times: %s", n, &log)
				}
			})
		})
	}
}

// What an interceptor makes again since a server was too busy is paid as any other retry. What
// it makes again for reasons of its own is not.
func TestInterceptorsPayForRetries(t *testing.T) {
	t.Parallel()
	none := client.RetryBudget{Ratio: -1, PerSecond: -1}
	tests := []struct {
		name     string
		script   string
		budget   client.RetryBudget
		requests int
		says     string // "": it works
	}{
		{"too busy", "busy busy ok", none, 1, "retry budget exhausted"},
		{"too busy, and two are paid", "busy busy ok", client.RetryBudget{Ratio: -1, PerSecond: 0.2}, 3, ""},
		{"too busy, and one is paid", "busy busy ok", client.RetryBudget{Ratio: -1, PerSecond: 0.1}, 2, "retry budget exhausted"},
		{"an answer", "fail fail ok", none, 3, ""},
		{"crash", "crash ok", none, 1, "retry budget exhausted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, tt.script)
				again := unary(func(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) (err error) {
					for range 3 {
						if err = next(ctx, c); err == nil {
							break
						}
					}
					return err
				})
				x := f.client(client.Failfast, client.Option{RetryBudget: tt.budget, Interceptors: []rpcx.Interceptor{again}})
				err := x.Call(t.Context(), "M", []byte("id"), new([]byte))
				if (err == nil) != (tt.says == "") || !strings.Contains(fmt.Sprint(err), tt.says) {
					t.Errorf("error %v, want one that says %q", err, tt.says)
				}
				if got := f.seen()[0]; got != tt.requests {
					t.Errorf("the server got %d requests, want %d", got, tt.requests)
				}
			})
		})
	}
}

// A server that asks for a pause gets it.
func TestPauseIsObeyed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		first := true
		p.answer(func(w *wire, m *protocol.Message) {
			if first {
				first = false
				w.replyError(m, rpcx.Errorf(rpcx.ResourceExhausted, "busy").NotExecuted().WithPause(3*time.Second))
				return
			}
			w.reply(m, "ok")
		})
		x := p.client(client.Failtry, client.Option{})
		began := time.Now()
		if err := x.Call(t.Context(), "M", []byte("id"), new([]byte)); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
