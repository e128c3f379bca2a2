// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// load makes calls at an even pace, whatever becomes of those before: what a call takes
// is counted from when it was due.
type load struct {
	caller  caller
	board   *board
	servers int
	rate    int           // calls per second
	timeout time.Duration // of a call

	began   time.Time
	records []record
	windows []window
	calls   sync.WaitGroup
	waiting atomic.Int64 // calls that have not ended
	begun   atomic.Int64
	stop    context.CancelFunc
	stopped chan struct{}

	mu    sync.Mutex // guards what follows
	texts map[outcome]string
}

// record is how a call ended.
type record struct {
	outcome atomic.Uint32
	took    time.Duration // from when it was due
	own     time.Duration // from when it was made
}

// window is what begins within so much time.
const windowLength = 100 * time.Millisecond

type window struct {
	due, good atomic.Int64
	executed  [maxServers]atomic.Uint64 // until its end
}

const (
	// longest is how long a run may take.
	longest = 2 * time.Minute
	// crowd is how many calls may be under way. Those that are due beyond it are made
	// later, and charged with the delay.
	crowd = 20_000
)

func newLoad(c caller, b *board, servers, rate int, timeout time.Duration) *load {
	return &load{
		caller:  c,
		board:   b,
		servers: servers,
		rate:    rate,
		timeout: timeout,
		records: make([]record, min(maxCalls, rate*int(longest/time.Second))),
		windows: make([]window, longest/windowLength),
		stopped: make(chan struct{}),
		texts:   make(map[outcome]string),
	}
}

// start begins to make calls.
func (l *load) start(ctx context.Context) {
	ctx, l.stop = context.WithCancel(ctx)
	l.began = time.Now()
	go func() {
		defer close(l.stopped)
		l.pace(ctx)
	}()
}

// end stops making calls and waits for those that are under way, but no longer than a
// client could have a reason for.
func (l *load) end() {
	l.stop()
	<-l.stopped
	ended := make(chan struct{})
	go func() {
		l.calls.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(5 * l.timeout):
	}
}

func (l *load) pace(ctx context.Context) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		passed := time.Since(l.began)
		if passed >= longest {
			return
		}
		for i := range l.servers {
			l.windows[passed/windowLength].executed[i].Store(l.board.slots[i].executed.Load())
		}
		due := min(int(passed.Seconds()*float64(l.rate)), len(l.records))
		for ; n < due && l.waiting.Load() < crowd; n++ {
			l.begin(n)
		}
		l.begun.Store(int64(n))
	}
}

// begin makes a call.
func (l *load) begin(n int) {
	at := time.Duration(float64(n) / float64(l.rate) * float64(time.Second))
	w := &l.windows[at/windowLength]
	w.due.Add(1)
	l.waiting.Add(1)
	l.calls.Go(func() {
		defer l.waiting.Add(-1)
		ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
		defer cancel()
		made := time.Since(l.began)
		got, err := l.caller.call(ctx, uint64(n))
		ended := time.Since(l.began)
		o := good
		switch {
		case err != nil:
			o = l.caller.judge(err)
		case got != answer(uint64(n)):
			o = wrong
		default:
			w.good.Add(1)
		}
		if o != good {
			l.say(o, err)
		}
		r := &l.records[n]
		r.took, r.own = ended-at, ended-made
		r.outcome.Store(uint32(o))
	})
}

// say keeps the text of the first error of its kind.
func (l *load) say(o outcome, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.texts[o]; !ok && err != nil {
		l.texts[o] = err.Error()
	}
}

// settled is how many windows in a row must be well for a recovery.
const settled = 3

// recovery waits until all is well again after an event, and returns how long that took
// from the event on. It reports false if that does not happen within limit.
func (l *load) recovery(ctx context.Context, event time.Time, limit time.Duration) (time.Duration, bool) {
	first := int(event.Sub(l.began)/windowLength) + 1 // the first that is all after it
	for time.Since(event) < limit && ctx.Err() == nil {
		pause(ctx, windowLength/2)
		now := int(time.Since(l.began) / windowLength)
		well := 0
		for i := first; i < now; i++ {
			if !l.well(i) {
				well = 0
				continue
			}
			if well++; well == settled {
				return time.Duration(i-settled+1-first) * windowLength, true
			}
		}
	}
	return limit, false
}

// well reports whether in a window no call failed, and all servers had a fair part of
// them.
func (l *load) well(i int) bool {
	w, before := &l.windows[i], &l.windows[i-1]
	due := w.due.Load()
	if due == 0 || w.good.Load() < due {
		return false
	}
	for s := range l.servers {
		if part := w.executed[s].Load() - before.executed[s].Load(); part*uint64(l.servers)*2 < uint64(due) {
			return false
		}
	}
	return true
}
