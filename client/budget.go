// SPDX-License-Identifier: Apache-2.0

package client

import (
	"sync"
	"sync/atomic"
	"time"
)

// RetryBudget bounds what a client sends beyond the first attempt of each call, so
// that an outage does not multiply the load that the servers come back to. Retries,
// hedges and calls that a server refused and that go on to another one are paid from
// it, and so are calls that an interceptor makes again because servers were too busy, failed or
// did not answer in time. Passing over a server that cannot be reached is free, since nothing
// is sent. When it is used up the failure stands.
//
// While the breakers of a method are open on all servers there is nobody to whom sending
// a call again would help: then it is half of all this, and nothing is saved up for longer
// than a second.
type RetryBudget struct {
	// Ratio is which part of the calls of the last 10 s may be sent again. Default 0.2;
	// negative: none.
	Ratio float64
	// PerSecond is how many more may be, so that a client with few calls can retry at
	// all. Default 10; negative: none.
	PerSecond float64
}

// For how long what was not spent can be; in a crisis, which is when all servers fail.
const (
	budgetWindow = 10 * time.Second
	crisisWindow = time.Second
)

// budget is a RetryBudget at work. A call costs one atomic addition.
type budget struct {
	_     [64]byte // what every call writes to has a cache line of its own
	calls atomic.Int64
	_     [64]byte

	mu     sync.Mutex // guards what follows
	usual  purse
	crisis purse
}

// purse is what can be spent.
type purse struct {
	ratio, perSecond float64
	window           time.Duration

	tokens float64
	full   float64 // what tokens would be if none had been spent
	seen   int64   // calls that tokens were given for
	at     time.Time
}

func newBudget(b RetryBudget) *budget {
	if b.Ratio == 0 {
		b.Ratio = 0.2
	}
	if b.PerSecond == 0 {
		b.PerSecond = 10
	}
	ratio, rate := max(b.Ratio, 0), max(b.PerSecond, 0)
	return &budget{usual: newPurse(ratio, rate, budgetWindow), crisis: newPurse(ratio/2, rate/2, crisisWindow)}
}

// newPurse returns what there is after a window without calls.
func newPurse(ratio, rate float64, window time.Duration) purse {
	full := rate * window.Seconds()
	return purse{ratio: ratio, perSecond: rate, window: window, tokens: full, full: full, at: time.Now()}
}

// earn counts a call.
func (b *budget) earn() { b.calls.Add(1) }

// spend takes what one more attempt costs. It reports false if that is not there.
func (b *budget) spend(crisis bool) bool { return b.take(crisis, 0) }

// spare is spend for an attempt that nothing depends on yet: it leaves half of the budget
// for those that follow a failure.
func (b *budget) spare(crisis bool) bool { return b.take(crisis, 0.5) }

// take takes a token if afterwards a part of the full budget is still there. In a crisis
// both purses are charged.
func (b *budget) take(crisis bool, reserve float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, calls := time.Now(), b.calls.Load()
	b.usual.fill(now, calls)
	b.crisis.fill(now, calls)
	if !b.usual.has(reserve) || crisis && !b.crisis.has(reserve) {
		return false
	}
	b.usual.tokens--
	if crisis {
		b.crisis.tokens--
	}
	return true
}

// has reports whether a token can be taken so that a part of the full purse is left.
func (p *purse) has(reserve float64) bool { return p.tokens-1 >= reserve*p.full }

// fill adds what was earned since the last time and takes away what is older than
// the window, as if calls and spending had been even.
func (p *purse) fill(now time.Time, calls int64) {
	passed := now.Sub(p.at)
	fresh := p.ratio*float64(calls-p.seen) + p.perSecond*passed.Seconds()
	if passed >= p.window {
		p.full = fresh * float64(p.window) / float64(passed)
		p.tokens = p.full
	} else {
		left := 1 - float64(passed)/float64(p.window)
		p.full = p.full*left + fresh
		p.tokens = p.tokens*left + fresh
	}
	p.seen, p.at = calls, now
}
