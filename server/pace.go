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
// A call in the pool may also wait for the processor, behind all that is ready to run, which
// can be thousands of calls when the server has much to do. Then all of them take long, however
// quick the method is, and it would stay in the pool for good, where it costs most. So what a
// ready goroutine has to wait there is measured. A method whose calls take no longer than that
// explains, while most of them could go on if there were a processor, is tried in the readers:
// the first call that holds up its connection sends it back, and it is not tried again for a
// pause, which is longer each time.
//
// Samples come from many goroutines; a lost one does no harm.
type pace struct {
	mean   atomic.Int64  // of what calls take, in ns, as a moving average
	slow   atomic.Bool   // they run in the pool
	trial  atomic.Int32  // calls that have still to be quick for the method to be trusted
	calls  atomic.Uint32 // that have run in the pool
	wait   atomic.Int64  // of a goroutine that is ready there, in ns, as a moving average
	pinned bool          // the method stays in the pool

	mu    sync.Mutex // guards what follows, and changes of slow
	held  time.Time  // connections that were held up before then have been counted
	left  time.Time  // when the method left for the pool
	pause time.Duration
}

const (
	// inlineBudget is how long the calls behind it may have to wait for an inline one.
	inlineBudget = 100 * time.Microsecond
	// blockedSample is what a call counts as that held up its connection.
	blockedSample = 100 * time.Millisecond
	// asking is how many calls of the pool there are for each that measures the wait.
	asking = 16
	// proof is how many calls of a method that is tried must be quick.
	proof = 64
	// shortPause and longPause bound the time until it is tried again, which is so many times
	// longer after a trial that failed.
	longer     = 8
	shortPause = tick
	longPause  = 10 * time.Second
	// clearing bounds the time for which it is not judged, since calls are still in the pool.
	clearing = 3 * tick
)

// quick reports whether a call may run inline, given how long a wait for the
// processor is on this machine now.
func (p *pace) quick(noise time.Duration) bool {
	if p.slow.Load() {
		return false
	}
	if p.trial.Load() > 0 || p.fits(noise) {
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
func (p *pace) doubtful() bool {
	return p.trial.Load() > 0 || p.mean.Load() > int64(inlineBudget/2)
}

// inline notes what a call took that ran inline and has ended now.
func (p *pace) inline(took time.Duration, now time.Time) {
	switch {
	case took <= inlineBudget:
		if p.trial.Load() > 0 && p.trial.Add(-1) == 0 {
			p.mean.Store(0) // it has been proved, whatever was noted meanwhile
		}
		p.add(took)
	case !p.alone(took, now):
		if p.trial.Load() <= 0 {
			p.add(2 * inlineBudget) // enough to tell, where calls are held up all the time
		}
	case p.trial.Load() > 0:
		p.mean.Store(int64(took))
		p.leave()
	default:
		p.add(took)
	}
}

// alone reports whether no other call was held up in the time before now that one was: if
// several were, on as many connections, it mostly is the processor that was taken from all of
// them, and that counts in full once.
func (p *pace) alone(took time.Duration, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Add(-took).Before(p.held) {
		return false
	}
	p.held = now
	return true
}

// blocked notes that a call was found blocking. One that is tried has failed, unless calls that
// are ready to run are still in its way.
func (p *pace) blocked(starved func() bool) {
	switch {
	case p.trial.Load() > 0 && !starved():
		p.mean.Store(int64(blockedSample))
		p.leave()
	case p.alone(2*tick, time.Now()):
		p.add(blockedSample)
	}
}

// pooled notes what a call took that ran in the pool. starved reports whether most of those there
// are ready to run; it is asked seldom.
func (p *pace) pooled(took, noise time.Duration, starved func() bool) {
	if !p.slow.Load() {
		return // it is one of those that were in the pool when the method left it
	}
	p.add(took)
	switch mean := p.mean.Load(); {
	case mean < int64(inlineBudget):
		p.comeBack(0, nil)
	case mean < 2*max(int64(noise), p.wait.Load()):
		p.comeBack(proof, starved)
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
	if p.trial.Swap(0) > 0 {
		p.pause = min(longer*max(p.pause, shortPause), longPause)
	} else {
		p.pause = shortPause
	}
}

// comeBack lets calls run inline again, if it is time. A trial is that so many of them have to
// prove that the method is quick, after those that are still in the pool, and in their way.
func (p *pace) comeBack(trial int32, starved func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.slow.Load() || p.pinned || now.Sub(p.left) < p.pause {
		return
	}
	if trial > 0 {
		if !starved() {
			p.left = now // ask again after the pause
			return
		}
		p.mean.Store(0)
		p.held = now.Add(min(4*time.Duration(p.wait.Load()), clearing))
	}
	p.trial.Store(trial)
	p.slow.Store(false)
}

// pin keeps the method in the pool.
func (p *pace) pin() {
	p.pinned = true
	p.slow.Store(true)
}

// add takes a sample. A slow one counts at once; quick ones win trust back slowly,
// so that a method which blocks for long in one call of some hundreds is still a slow one.
func (p *pace) add(took time.Duration) {
	mean := p.mean.Load()
	if int64(took) > mean {
		p.mean.Store(mean + (int64(took)-mean)/16)
		return
	}
	p.mean.Store(mean - (mean-int64(took))/64)
}
