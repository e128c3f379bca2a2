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
// it; passing over a server that cannot be reached is free, since nothing is sent.
// When it is used up the failure stands.
type RetryBudget struct {
	// Ratio is which part of the calls of the last 10 s may be sent again. Default 0.2;
	// negative: none.
	Ratio float64
	// PerSecond is how many more may be, so that a client with few calls can retry at
	// all. Default 10; negative: none.
	PerSecond float64
}

// budgetWindow is for how long what was not spent can be.
const budgetWindow = 10 * time.Second

// budget is a RetryBudget at work. A call costs one atomic addition.
type budget struct {
	ratio, perSecond float64

	_     [64]byte // what every call writes to has a cache line of its own
	calls atomic.Int64
	_     [64]byte

	mu     sync.Mutex // guards what follows
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
	rate := max(b.PerSecond, 0)
	return &budget{
		ratio:     max(b.Ratio, 0),
		perSecond: rate,
		tokens:    rate * budgetWindow.Seconds(), // as after a window without calls
		full:      rate * budgetWindow.Seconds(),
		at:        time.Now(),
	}
}

// earn counts a call.
func (b *budget) earn() { b.calls.Add(1) }

// spend takes what one more attempt costs. It reports false if that is not there.
func (b *budget) spend() bool { return b.take(0) }

// spare is spend for an attempt that nothing depends on yet: it leaves half of the budget
// for those that follow a failure.
func (b *budget) spare() bool { return b.take(0.5) }

// take takes a token if afterwards a part of the full budget is still there.
func (b *budget) take(reserve float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(time.Now())
	if b.tokens-1 < reserve*b.full {
		return false
	}
	b.tokens--
	return true
}

// fill adds what was earned since the last time and takes away what is older than
// the window, as if calls and spending had been even. b.mu is held.
func (b *budget) fill(now time.Time) {
	calls := b.calls.Load()
	passed := now.Sub(b.at)
	fresh := b.ratio*float64(calls-b.seen) + b.perSecond*passed.Seconds()
	if passed >= budgetWindow {
		b.full = fresh * float64(budgetWindow) / float64(passed)
		b.tokens = b.full
	} else {
		left := 1 - float64(passed)/float64(budgetWindow)
		b.full = b.full*left + fresh
		b.tokens = b.tokens*left + fresh
	}
	b.seen, b.at = calls, now
}
