// SPDX-License-Identifier: Apache-2.0

package server

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// pace is how long a method's calls take, with decoding the request and encoding the reply. It
// decides where they run: in the goroutine that reads the connection, or in the pool.
//
// A call in the pool may also wait for the processor, behind all that is ready to run, which
// can be thousands of calls when the server has much to do. Then all of them take long, however
// quick the method is, and it would stay in the pool for good, where it costs most. So what a
// ready goroutine has to wait there is measured. A method whose calls take no longer than that
// explains, while most of them could go on if there were a processor, is tried in the readers.
//
// A trial begins with a clearing: calls that are still in the pool are in the way of those in
// the readers, so these are not judged. Then a few calls that hold up their connections send
// the method back, and it is not tried again for a pause, which is longer each time.
//
// Calls in the readers wait for the processor as well where there are many connections and the
// handler yields. So before a method leaves because of that, the scheduler is asked: if most of the
// connections that are held up have a goroutine which is ready to run, the pool would not help.
//
// Samples come from many goroutines; a lost one does no harm.
type pace struct {
	mean    atomic.Int64  // of what calls take, in ns, as a moving average
	slow    atomic.Bool   // they run in the pool
	trial   atomic.Int32  // calls that have still to be quick for the method to be trusted
	strikes atomic.Int32  // calls of a trial that were not quick
	quicks  atomic.Int64  // samples of inline calls that were quick
	calm    atomic.Int64  // how many of them came since one that was not
	calls   atomic.Uint32 // that have run in the pool
	running atomic.Int64  // calls that run there
	wait    atomic.Int64  // of a goroutine that is ready there, in ns, as a moving average
	pinned  bool          // the method stays in the pool

	mu       sync.Mutex // guards what follows, and changes of slow
	held     time.Time  // connections that were held up before then have been counted
	found    time.Time  // likewise, those that the monitor found then
	cleared  time.Time  // calls that began before then are not judged by a trial,
	forgiven time.Time  // those that did before then do not count when they end,
	excused  time.Time  // nor those that did before then
	excuses  int        // one after the other
	since    int64      // quicks at the last of them
	owed     int64      // quicks that what was forgiven has cost
	lent     int64      // quicks that calls which were held up together have cost
	nextAsk  time.Time  // when it may be asked again why calls are held up together
	doubts   int        // ticks in which that was not clear
	doubted  time.Time  // the last of them
	came     time.Time  // when the method came back
	left     time.Time  // when it left for the pool
	pause    time.Duration
}

const (
	// inlineBudget is how long the calls behind it may have to wait for an inline one.
	inlineBudget = 100 * time.Microsecond
	// blockedSample is what a call counts as that held up its connection.
	blockedSample = 100 * time.Millisecond
	// worthy is after how many samples of quick calls a method is forgiven one that blocks: mostly
	// the processor was taken from it, and if not, one call in worthy times sampling that holds up
	// its connection for a tick or two costs less than the pool costs all the others. It may save
	// that up for saved looks of the monitor.
	worthy = 1 << 10
	saved  = 2
	// maxExcuses is how often calls may be excused one after the other, for a tick each time, with
	// fewer quick samples than redeemed between them: then others may have been mistaken for them.
	maxExcuses = 32
	redeemed   = 256
	// discount is how many samples of quick calls it costs that a slow one does not count in full: of a
	// method of which a part waits, as of one with a cache, some calls always do at the same time. It
	// has discount of them for nothing, and may save up for discounts more.
	discount  = 1 << 6
	discounts = 1 << 10
	// manyDoubts is in how many ticks it must not be clear why calls are held up together until they
	// count in full that are not paid for.
	manyDoubts = 8
	// remembered is how long such a tick is.
	remembered = time.Second
	// asking is how many calls of the pool there are for each that measures the wait.
	asking = 16
	// weight is how many quick calls a slow one is averaged with, and so many more as came before
	// it: horizon, at most.
	weight  = 16
	horizon = 256
	// proof is how many calls of a method that is tried must be quick.
	proof = 64
	// freeStrikes is how many may not be meanwhile, and one more for every perStrike that were:
	// the processor is taken from a call now and then.
	freeStrikes = 2
	perStrike   = 16
	// clearing bounds the time before they are judged.
	clearing = 3 * tick
	// settled is how long a method has to stay for its return to count as a success.
	settled = 10 * tick
	// shortPause and longPause bound the time until it is tried again, which is so many times
	// longer after each failure.
	shortPause = tick
	longPause  = 10 * time.Second
	longer     = 4
)

// quick reports whether a call may run inline, given how long a wait for the processor is on this
// machine now. starved reports whether most of the calls that run inline are ready to run; it is
// asked before the method leaves.
func (p *pace) quick(noise time.Duration, starved func() bool) bool {
	switch {
	case p.slow.Load():
		return false
	case p.trial.Load() > 0 || p.fits(noise):
		return true
	case starved() && p.excuse():
		return true
	default:
		p.leave()
		return false
	}
}

// fits reports whether calls take no more than they may inline.
func (p *pace) fits(noise time.Duration) bool { return fits(p.mean.Load(), noise) }

func fits(mean int64, noise time.Duration) bool { return mean < int64(max(inlineBudget, 2*noise)) }

// doubtful reports whether calls should be looked at more often than usual.
func (p *pace) doubtful() bool {
	return p.trial.Load() > 0 || p.mean.Load() > int64(inlineBudget/2)
}

// inline notes what a call took that ran inline and has ended now. starved is that of quick.
func (p *pace) inline(took time.Duration, now time.Time, starved func() bool) {
	switch {
	case p.trial.Load() > 0:
		p.judge(took, now, starved)
	case took <= inlineBudget:
		p.add(took)
		p.quicks.Add(1)
		p.calm.Add(1)
	default:
		if p.suspect(now.Add(-took), now) {
			p.explain(now, starved())
		}
		if d, counts := p.counts(took, now); counts {
			p.add(d)
		}
	}
}

// judge is inline for a method that is tried.
func (p *pace) judge(took time.Duration, now time.Time, starved func() bool) {
	switch {
	case p.clearing(now.Add(-took)):
	case took <= inlineBudget:
		if p.trial.Add(-1) == 0 {
			p.mean.Store(int64(took)) // it has been proved, whatever was noted meanwhile
		}
	case p.strikes.Add(1) <= freeStrikes+(proof-p.trial.Load())/perStrike:
	case starved() && p.excuse():
		p.trial.Store(0) // nothing can be told of it
	default:
		p.mean.Store(int64(took))
		p.leave()
	}
}

// excuse lets calls that begin by the next tick not count. It reports false, and does not, if that
// has been done for too long, or the method has left meanwhile.
func (p *pace) excuse() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slow.Load() {
		return false
	}
	now := time.Now()
	if !now.Before(p.excused) { // else another goroutine was first
		quicks := p.quicks.Load()
		if quicks-p.since >= redeemed {
			p.excuses = 0
		}
		if p.excuses == maxExcuses {
			return false
		}
		p.excuses++
		p.since = quicks
		p.excused = now.Add(tick)
	}
	p.mean.Store(0)
	return true
}

// clearing reports whether a call that began then is not judged by a trial.
func (p *pace) clearing(began time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return began.Before(p.cleared)
}

// counts is what a call counts as that held up its connection for so long before now, if it does. If
// others were held up at the same time, on as many connections, it mostly is the processor that was
// taken from all of them, and that counts in full once, as long as most calls are quick or the
// scheduler explains it. The others count enough to tell where that is so all the time.
func (p *pace) counts(took time.Duration, now time.Time) (d time.Duration, counts bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch began := now.Add(-took); {
	case began.Before(p.excused) || began.Before(p.forgiven):
		return 0, false
	case began.Before(p.held) && (p.borrow() || p.doubts < manyDoubts):
		const enough = 2 * inlineBudget
		return enough, p.mean.Load() < int64(enough)
	default:
		p.held = now
		return took, true
	}
}

// borrow pays for a slow call that does not count in full. It reports false if slow ones are too
// large a part of all. p.mu is held.
func (p *pace) borrow() bool {
	p.lent = max(p.lent, p.quicks.Load()-discount*discounts)
	if p.spent() {
		return false
	}
	p.lent += discount
	return true
}

// spent reports whether there is nothing left to borrow. p.mu is held.
func (p *pace) spent() bool { return p.lent+discount > p.quicks.Load()+discount*discount }

// suspect reports whether it is time to ask why a call that began then took long: others were held
// up at the same time, and there is nothing left to borrow.
func (p *pace) suspect(began, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !began.Before(p.held) || began.Before(p.excused) || !p.spent() || now.Before(p.nextAsk) {
		return false
	}
	p.nextAsk = now.Add(tick / 4)
	return true
}

// explain takes the answer. That most calls were ready to run explains it for a tick. Where none is
// quick the mean shows that all the same, and what is excused then has its bound.
func (p *pace) explain(now time.Time, ready bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.doubted) > remembered {
		p.doubts = 0
	}
	switch {
	case ready:
		p.doubts, p.nextAsk = 0, now.Add(tick)
	case now.Sub(p.doubted) >= tick:
		p.doubts++
		p.doubted = now
	}
}

// blocked notes that the monitor found a call blocking when it looked; noise is that of quick. A
// method that is tried has failed, unless calls that are ready to run are still in its way. Others
// are forgiven what is found in one look after many calls that were quick. Nothing else excuses it.
func (p *pace) blocked(look time.Time, noise time.Duration, starved func() bool) {
	switch {
	case p.trial.Load() > 0:
		if !p.clearing(look.Add(-2*tick)) || !starved() {
			p.mean.Store(int64(blockedSample))
			p.leave()
		}
	case p.condemned(look):
		mean := p.mean.Load()
		mean += (int64(blockedSample) - mean) / weight
		p.mean.Store(mean)
		if !fits(mean, noise) {
			p.leave()
		}
	}
}

// condemned reports whether a call counts that was found blocking: it is the first one of this
// look, and the method is not forgiven.
func (p *pace) condemned(look time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found.Equal(look) {
		return false
	}
	p.found = look
	quicks := p.quicks.Load()
	p.owed = max(p.owed, quicks-saved*worthy)
	if p.owed += worthy; p.owed > quicks {
		p.owed = quicks
		return true
	}
	p.forgiven = look
	return false
}

// pooled notes what a call took that ran in the pool. noise is how long a wait for the processor
// is on this machine now. starved reports whether most of the calls there are ready to run; it is
// asked seldom.
func (p *pace) pooled(took, noise time.Duration, starved func() bool) {
	if !p.slow.Load() {
		return // it is one of those that were in the pool when the method left it
	}
	p.add(took)
	mean, wait := p.mean.Load(), p.wait.Load()
	switch {
	case mean < int64(inlineBudget):
		p.comeBack(0)
	case mean < 2*wait && p.due():
		if starved() {
			p.comeBack(proof)
		} else {
			p.postpone()
		}
	case mean < 2*int64(noise) && int64(noise) > 2*wait: // others took the processor from all of us
		p.comeBack(proof)
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

// starved reports whether most of the calls that run in the pool are ready to run, and wait for a
// processor.
func (p *pace) starved() bool { return mostReady(p.running.Load()) }

// mostReady reports whether as many goroutines are ready to run as three quarters of n, a number of
// goroutines that have not gone on for a while. If these waited for something else there would
// not be: others of the program may be counted, but mostly are fewer.
func mostReady(n int64) bool {
	ready := []metrics.Sample{{Name: "/sched/goroutines/runnable:goroutines"}}
	metrics.Read(ready)
	return n > 0 && ready[0].Value.Kind() == metrics.KindUint64 && 4*ready[0].Value.Uint64() >= 3*uint64(n)
}

// leave lets calls run in the pool.
func (p *pace) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slow.Swap(true) {
		return
	}
	p.left = time.Now()
	excused := p.excuses > 0 && p.quicks.Load()-p.since < redeemed
	if p.trial.Swap(0) > 0 || p.left.Sub(p.came) < settled || excused {
		p.pause = min(longer*max(p.pause, shortPause), longPause)
	} else {
		p.pause = shortPause
	}
	p.excuses, p.doubts = 0, 0
}

// due reports whether it is time for calls to run inline again.
func (p *pace) due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ripe(time.Now())
}

// ripe is due while p.mu is held.
func (p *pace) ripe(now time.Time) bool {
	return p.slow.Load() && !p.pinned && now.Sub(p.left) >= p.pause
}

// postpone makes it not due for a moment.
func (p *pace) postpone() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = time.Now().Add(min(shortPause, p.pause) - p.pause)
}

// comeBack lets calls run inline again, if it is time. In a trial so many of them have to prove
// that the method is quick.
func (p *pace) comeBack(trial int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.ripe(now) {
		return
	}
	p.came = now
	if trial > 0 {
		p.mean.Store(0)
		p.cleared = now.Add(min(4*time.Duration(p.wait.Load()), clearing))
	}
	p.strikes.Store(0)
	p.trial.Store(trial)
	p.slow.Store(false)
}

// pin keeps the method in the pool.
func (p *pace) pin() {
	p.pinned = true
	p.slow.Store(true)
}

// add takes a sample. A slow one is averaged with the quick ones that came before it, so that the
// mean is one of all calls also where few of them take nearly all of the time, but with horizon of
// them at most, so that one call can make the method doubtful; quick ones win trust back slowly.
func (p *pace) add(took time.Duration) {
	mean := p.mean.Load()
	if int64(took) > mean {
		p.mean.Store(mean + (int64(took)-mean)/(weight+min(p.calm.Load(), horizon)))
	} else {
		p.mean.Store(mean - (mean-int64(took))/64)
	}
	if took > inlineBudget {
		p.calm.Store(0)
	}
}
