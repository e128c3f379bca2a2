// SPDX-License-Identifier: Apache-2.0

package client

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/breaker"
)

// spendAll takes what there is.
func spendAll(b *budget) int {
	n := 0
	for b.spend(false) {
		n++
	}
	return n
}

func TestBudget(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		option RetryBudget
		calls  int           // per second
		quiet  time.Duration // with those calls, and nothing spent
		first  int           // what can be spent then
		steady int           // and in each second afterwards
	}{
		{name: "no calls", first: 100, steady: 10},
		{name: "no calls for an hour", quiet: time.Hour, first: 100, steady: 10},
		{name: "calls for a second", calls: 1000, quiet: time.Second, first: 300, steady: 210},
		{name: "calls for a minute", calls: 1000, quiet: time.Minute, first: 2100, steady: 210},
		{name: "own ratio", option: RetryBudget{Ratio: 1, PerSecond: -1}, calls: 50, quiet: time.Hour, first: 500, steady: 50},
		{name: "own rate", option: RetryBudget{Ratio: -1, PerSecond: 1}, calls: 50, quiet: time.Hour, first: 10, steady: 1},
		{name: "none", option: RetryBudget{Ratio: -1, PerSecond: -1}, calls: 50, quiet: time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBudget(tt.option)
				second := func() {
					time.Sleep(time.Second)
					for range tt.calls {
						b.earn()
					}
				}
				for range int(tt.quiet / time.Second) {
					second()
				}
				if n := spendAll(b); n < tt.first*97/100 || n > tt.first {
					t.Errorf("%d could be spent after %v, want %d", n, tt.quiet, tt.first)
				}
				for range 5 {
					second()
					if n := spendAll(b); n < tt.steady-1 || n > tt.steady+1 {
						t.Errorf("%d could be spent after a second, want %d", n, tt.steady)
					}
				}
			})
		})
	}
}

// What is only a precaution leaves half of the budget for what is not.
func TestBudgetReserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(RetryBudget{})
		for range 1000 { // for 200
			b.earn()
		}
		spared := 0
		for b.spare(false) {
			spared++
		}
		if rest := spendAll(b); spared != 150 || rest != 150 {
			t.Errorf("%d were spared and then %d spent, want half of 300 each", spared, rest)
		}
		if time.Sleep(time.Second); b.spare(false) {
			t.Error("a precaution takes what has just come in")
		}
		if n := spendAll(b); n < 9 || n > 10 {
			t.Errorf("%d came in, want 10", n)
		}
	})
}

// While all servers fail there is half as much, and little was saved up.
func TestBudgetInCrisis(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(RetryBudget{})
		second := func() {
			for range 100 {
				time.Sleep(10 * time.Millisecond)
				for range 10 {
					b.earn()
				}
				b.mu.Lock() // as when something is spent now and then
				b.crisis.fill(time.Now(), b.calls.Load())
				b.mu.Unlock()
			}
		}
		for range 60 {
			second()
		}
		for i := range 5 {
			n := 0
			for b.spend(true) {
				n++
			}
			if n < 60 || n > 105 {
				t.Errorf("%d could be spent in second %d of a crisis, want a tenth of 1000 calls and 5 at most", n, i)
			}
			second()
		}
		if n := spendAll(b); n < 1000 {
			t.Errorf("%d could be spent after it, want what was saved up before", n)
		}
	})
}

// What one call leaves another one may spend, once.
func TestBudgetIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(RetryBudget{})
		var spent atomic.Int64
		var spenders sync.WaitGroup
		for range 8 {
			spenders.Go(func() {
				for range 1000 {
					b.earn()
					if b.spend(false) {
						spent.Add(1)
					}
				}
			})
		}
		spenders.Wait()
		if n := spent.Load() + int64(spendAll(b)); n < 1699 || n > 1700 {
			t.Errorf("%d were spent, want 100 and a fifth of 8000", n)
		}
	})
}

// The estimate finds what 95 % of the calls take at most, and follows it.
func TestLatencyFindsTheQuantile(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		name string
		draw func(r *rand.Rand) time.Duration
		want time.Duration
	}{
		{"even spread", func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(100 * ms))) }, 95 * ms},
		{"constant", func(*rand.Rand) time.Duration { return 7 * ms }, 7 * ms},
		{"long tail of 1 %", func(r *rand.Rand) time.Duration {
			if r.IntN(100) == 0 {
				return time.Second
			}
			return 5*ms + time.Duration(r.Int64N(int64(ms)))
		}, 6 * ms},
		{"too fast for a timer", func(*rand.Rand) time.Duration { return 20 * time.Microsecond }, ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same draws each time
			l := new(latencies).of(&rpcx.Call{Service: "S", Method: "M"})
			if got := l.p95(); got != firstLatency {
				t.Errorf("before the first call: %v", got)
			}
			for range 1000 {
				l.observe(50 * ms) // it was otherwise once
			}
			var sum time.Duration
			for i := range 20_000 {
				l.observe(tt.draw(r))
				if i >= 10_000 {
					sum += l.p95()
				}
			}
			if got := sum / 10_000; got < tt.want*80/100 || got > tt.want*125/100 {
				t.Errorf("it is %v on average, want %v", got, tt.want)
			}
		})
	}
}

// Methods have an estimate each, as long as there are not too many.
func TestLatenciesAreBounded(t *testing.T) {
	t.Parallel()
	l := new(latencies)
	of := func(i int) *latency { return l.of(&rpcx.Call{Service: "S", Method: string(rune(i))}) }
	if one := of(1); one != of(1) || one == of(2) {
		t.Error("an estimate does not belong to its method")
	}
	for i := range 2 * maxLatencies {
		of(i).observe(time.Second)
	}
	if len(l.byMethod) != maxLatencies || of(2*maxLatencies) != &l.others {
		t.Errorf("%d methods have an estimate", len(l.byMethod))
	}
}

func TestBreakersAreBounded(t *testing.T) {
	t.Parallel()
	var b breakers
	call := func(i int) *rpcx.Call { return &rpcx.Call{Service: "S", Method: string(rune(i))} }
	config := breaker.Config{Consecutive: 1, Pause: time.Hour}
	fail := func(i int) {
		br := b.create(call(i), config)
		if br == nil {
			return
		}
		ticket, _ := br.Allow()
		br.Done(ticket, breaker.Failure)
	}
	count := func() int {
		if m := b.byMethod.Load(); m != nil {
			return len(*m)
		}
		return 0
	}
	for i := range maxBreakers {
		b.create(call(i), config)
	}
	if b.create(call(0), config) != b.of(call(0)) || count() != maxBreakers {
		t.Errorf("%d breakers, want %d", count(), maxBreakers)
	}
	fail(0)
	fail(maxBreakers) // room is made: closed ones are forgotten, open ones are not
	if count() != 2 || b.of(call(0)) == nil || b.of(call(1)) != nil {
		t.Errorf("%d breakers are left", count())
	}
	for i := range 3 * maxBreakers {
		fail(i)
	}
	if count() != maxBreakers || b.create(call(-1), config) != nil {
		t.Errorf("%d breakers, want %d", count(), maxBreakers)
	}
	if _, allowed := b.permit(call(0)); allowed {
		t.Error("an open breaker allows a call")
	}
	if p, allowed := b.permit(call(-1)); !allowed || p != (permit{}) {
		t.Error("a method without a breaker is not allowed")
	}
	for i := range 3 * maxBreakers {
		b.remove(call(i), b.of(call(i)))
	}
	if count() != maxBreakers {
		t.Errorf("%d breakers are left, though none has closed", count())
	}
}

func TestOutlier(t *testing.T) {
	t.Parallel()
	type calls struct{ good, bad int }
	tests := []struct {
		name    string
		servers []calls // the first one has just failed
		out     int     // of the others, from the last one
		percent int
		want    bool
	}{
		{name: "one of three fails", servers: []calls{{0, 5}, {}, {}}, want: true},
		{name: "too few failures", servers: []calls{{0, 4}, {}, {}}},
		{name: "half fail", servers: []calls{{20, 20}, {}, {}}, want: true},
		{name: "a third fails", servers: []calls{{20, 10}, {}, {}}},
		{name: "the others fail too", servers: []calls{{0, 20}, {0, 20}, {0, 20}}},
		{name: "the others fail half as often", servers: []calls{{0, 20}, {10, 10}, {10, 10}}, want: true},
		{name: "the others fail nearly as often", servers: []calls{{0, 20}, {9, 11}, {9, 11}}},
		{name: "one other fails too", servers: []calls{{0, 20}, {0, 20}, {}, {}}, want: true},
		{name: "nobody else", servers: []calls{{0, 20}}},
		{name: "two servers", servers: []calls{{0, 20}, {}}, want: true},
		{name: "two servers, one is out", servers: []calls{{0, 20}, {}}, out: 1},
		{name: "three servers, one is out", servers: []calls{{0, 20}, {}, {}}, out: 1},
		{name: "four servers, one is out", servers: []calls{{0, 20}, {}, {}, {}}, out: 1, want: true},
		{name: "four servers, two are out", servers: []calls{{0, 20}, {}, {}, {}}, out: 2},
		{name: "all may be out but one", servers: []calls{{0, 20}, {}, {}, {}}, out: 2, percent: 100, want: true},
		{name: "the last one stays", servers: []calls{{0, 20}, {}, {}, {}}, out: 3, percent: 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			config := &Ejection{Pause: time.Second, MaxPause: time.Minute}
			var records []*record
			for _, c := range tt.servers {
				r := new(record)
				for range c.bad {
					r.fail(now)
				}
				for range c.good {
					r.pass()
				}
				records = append(records, r)
			}
			for i := range tt.out {
				records[len(records)-1-i].eject(now, config)
			}
			percent := tt.percent
			if percent == 0 {
				percent = 50
			}
			if got := outlier(records[0], records, now, percent); got != tt.want {
				t.Errorf("an outlier: %t, want %t", got, tt.want)
			}
			if outlier(records[0], records, now.Add(ejectionWindow+1), percent) {
				t.Error("an outlier for what was long ago")
			}
		})
	}
}

// Ejections of a server that goes on failing last longer and longer, up to a bound; one
// that has done well for some time begins anew.
func TestEjectionGrows(t *testing.T) {
	t.Parallel()
	r, now := new(record), time.Now()
	config := &Ejection{Pause: time.Second, MaxPause: 5 * time.Second}
	for i, want := range []time.Duration{1, 2, 4, 5, 5} {
		if !r.eject(now, config) || r.eject(now, config) {
			t.Fatalf("ejection %d: it is not ejected once", i)
		}
		lasts := time.Unix(0, r.until.Load()).Sub(now)
		if want *= time.Second; lasts < want*3/4 || lasts > want*5/4 {
			t.Errorf("ejection %d lasts %v, want about %v", i, lasts, want)
		}
		if r.admit(now) || r.admit(now.Add(lasts-1)) {
			t.Errorf("ejection %d: returned early", i)
		}
		now = now.Add(lasts)
		if !r.admit(now) || r.admit(now) || r.out() {
			t.Errorf("ejection %d: it does not return once", i)
		}
	}
	now = now.Add(time.Minute)
	r.eject(now, config)
	if lasts := time.Unix(0, r.until.Load()).Sub(now); lasts > 2*time.Second {
		t.Errorf("a minute later it lasts %v", lasts)
	}
}

// A breaker that was dropped to make room bars nobody when a late call opens it.
func TestDroppedBreakersBarNobody(t *testing.T) {
	t.Parallel()
	config, _ := Option{Ejection: Ejection{Off: true}}.resolve()
	g := newGuard(config.Breaker, config.Ejection, &events{log: slog.New(slog.DiscardHandler)})
	n, service := &node{key: "tcp@a:1"}, &target{}
	err := rpcx.Errorf(rpcx.Internal, "x")
	call := func(i int) *rpcx.Call { return &rpcx.Call{Service: "S", Method: fmt.Sprint("M", i)} }
	g.failed(service, n, call(0), permit{}, err)
	var late []permit
	for range 5 {
		p, _ := n.breakers.permit(call(0))
		late = append(late, p)
	}
	for i := range maxBreakers {
		g.failed(service, n, call(1+i), permit{}, err) // the last one throws the others out
	}
	for _, p := range late {
		g.failed(service, n, call(0), p, err)
	}
	if n.breakers.of(call(0)) != nil || g.barred.Load() != 0 {
		t.Errorf("%d are barred, by a breaker that the server does not have any more", g.barred.Load())
	}
}
