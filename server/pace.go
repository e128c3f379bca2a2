// SPDX-License-Identifier: Apache-2.0

package server

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// pace is how long a method's calls take. It decides where they run: in the goroutine that
// reads the connection, or in the pool.
//
// A call in the pool also waits for the processor, behind all that is ready to run, which may
// be thousands of calls when the server has much to do. Then all of them take long, however
// quick the method is, and it would stay in the pool for good, where it costs most. So what a
// ready goroutine has to wait there is measured, and taken off. A method that has come back to
// the readers because of that and proves to be slow may come back again after a pause that
// doubles, for each time holds up connections.
//
// Samples come from many goroutines; a lost one does no harm.
type pace struct {
	mean  atomic.Int64  // of what calls take, in ns, as a moving average
	slow  atomic.Bool   // they run in the pool
	until atomic.Int64  // when the last one that held up its connection had ended, in Unix ns
	calls atomic.Uint32 // that have run in the pool
	wait  atomic.Int64  // of a goroutine that is ready there, in ns, as a moving average

	mu         sync.Mutex // guards what follows, and changes of slow
	left, back time.Time  // when the method left for the pool and came back from it
	pause      time.Duration
}

const (
	// inlineBudget is how long the calls behind it may have to wait for an inline one.
	inlineBudget = 100 * time.Microsecond
	// blockedSample is what a call counts as that held up its connection.
	blockedSample = 100 * time.Millisecond
	// asking is how many calls of the pool there are for each that measures the wait.
	asking = 16
	// shortPause and longPause bound the time between two returns from the pool.
	shortPause = tick
	longPause  = 10 * time.Second
	// proof is how many pauses a method must have been back for the next one to be short.
	proof = 2
)

// quick reports whether a call may run inline, given how long a wait for the
// processor is on this machine now.
func (p *pace) quick(noise time.Duration) bool {
	if p.slow.Load() {
		return false
	}
	if p.fits(noise) {
		return true
	}
	p.leave()
	return false
}

// fits reports whether calls take no more than they may inline.
func (p *pace) fits(noise time.Duration) bool {
	return p.mean.Load() < int64(max(inlineBudget, 2*noise))
}

// doubtful reports whether calls should be looked at more often than usual.
func (p *pace) doubtful() bool { return p.mean.Load() > int64(inlineBudget/2) }

// inline notes what a call took that ran inline and has ended now.
func (p *pace) inline(took time.Duration, now time.Time) {
	if took <= inlineBudget || p.alone(took, now) {
		p.add(took)
	}
}

// alone reports whether no other call was held up in the time before now that one was: if
// several were, on as many connections, it mostly is the processor that was taken from all of
// them, and that counts once.
func (p *pace) alone(held time.Duration, now time.Time) bool {
	if now.Add(-held).UnixNano() < p.until.Load() {
		return false
	}
	p.until.Store(now.UnixNano())
	return true
}

// blocked notes that a call was found blocking.
func (p *pace) blocked() {
	if p.alone(2*tick, time.Now()) {
		p.add(blockedSample)
	}
}

// pooled notes what a call took that ran in the pool.
func (p *pace) pooled(took, noise time.Duration) {
	p.add(max(took-2*time.Duration(p.wait.Load()), 0))
	if p.slow.Load() && p.fits(noise) {
		p.comeBack()
	}
}

// ask now and then measures how long a goroutine of the pool waits that is ready to run.
func (p *pace) ask() {
	if p.calls.Add(1)%asking != 0 {
		return
	}
	began := time.Now()
	runtime.Gosched()
	wait := p.wait.Load()
	p.wait.Store(wait + (int64(time.Since(began))-wait)/4)
}

// leave lets calls run in the pool.
func (p *pace) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slow.Swap(true) {
		return
	}
	p.left = time.Now()
	if p.left.Sub(p.back) < proof*p.pause {
		p.pause = min(2*p.pause, longPause)
	} else {
		p.pause = shortPause
	}
}

// comeBack lets calls run inline again, if it is time. Those that are in the pool by then are
// still in their way, so that for a moment none is judged.
func (p *pace) comeBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.slow.Load() || now.Sub(p.left) < p.pause {
		return
	}
	p.back = now.Add(min(4*time.Duration(p.wait.Load()), blockedSample))
	p.until.Store(p.back.UnixNano())
	p.slow.Store(false)
}

// add takes a sample. A slow one counts at once; quick ones win trust back slowly,
// so that a method which blocks in one call of some hundreds is still a slow one.
func (p *pace) add(took time.Duration) {
	mean := p.mean.Load()
	if int64(took) > mean {
		p.mean.Store(mean + (int64(took)-mean)/16)
		return
	}
	p.mean.Store(mean - (mean-int64(took))/64)
}
