// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/adaptive"
)

// take notes calls one after the other that each took so long, as the goroutine that reads or
// the pool does, whichever runs them. It returns how many of them ran inline.
func (p *pace) take(took ...time.Duration) (inline int) {
	for _, d := range took {
		time.Sleep(d)
		if p.quick(0, nobody) {
			inline++
			p.inline(d, time.Now(), nobody)
		} else {
			p.pooled(d, 0, nobody)
		}
	}
	return inline
}

func nobody() bool { return false }

func everybody() bool { return true }

// again returns n times d.
func again(n int, d time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = d
	}
	return all
}

func TestPaceFindsSlowMethods(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		calls  []time.Duration
		inline int // of them, at most
		slow   bool
	}{
		"quick":                   {again(100, 20*time.Microsecond), 100, false},
		"2 ms":                    {again(100, 2*time.Millisecond), 1, true},
		"300 µs":                  {again(100, 300*time.Microsecond), 8, true},
		"one of 30 takes 10 ms":   {every(30, 10*time.Millisecond, 300), 61, true},
		"one of 100 takes 20 ms":  {every(100, 20*time.Millisecond, 600), 301, true},
		"one of 1000 takes 10 ms": {every(1000, 10*time.Millisecond, 20_000), 20_000, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var p pace
				if inline := p.take(tt.calls...); inline > tt.inline || p.quick(0, nobody) == tt.slow {
					t.Errorf("%d ran inline, want at most %d; quick: %v", inline, tt.inline, p.quick(0, nobody))
				}
			})
		})
	}
}

// After however many quick calls a method that takes long once is looked at more often.
func TestPaceDoubts(t *testing.T) {
	t.Parallel()
	for _, quick := range []int{horizon, 100 * horizon} {
		for took, doubtful := range map[time.Duration]bool{5 * time.Millisecond: false, 15 * time.Millisecond: true} {
			synctest.Test(t, func(t *testing.T) {
				var p pace
				p.take(again(quick, 10*time.Microsecond)...)
				if p.take(took); p.doubtful() != doubtful {
					t.Errorf("a call of %v after %d that were quick: doubtful: %t, want %t", took, quick, !doubtful, doubtful)
				}
			})
		}
	}
}

// every returns n times what a method takes of whose calls one in so many takes d.
func every(one int, d time.Duration, n int) []time.Duration {
	all := again(n, 10*time.Microsecond)
	for i := one - 1; i < n; i += one {
		all[i] = d
	}
	return all
}

// A method that has become quick comes back from the pool.
func TestPaceComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		p.take(again(10, 5*time.Millisecond)...)
		if p.quick(0, nobody) {
			t.Fatal("it is not found slow")
		}
		if p.take(again(500, 10*time.Microsecond)...) == 0 {
			t.Errorf("it is still slow: %v on average", time.Duration(p.mean.Load()))
		}
	})
}

// On a busy server calls in the pool take as long as they wait for the processor there, which
// does not keep a quick method in it; but a slow one that comes back is sent away at once, and
// seldom comes back.
func TestPaceOnABusyServer(t *testing.T) {
	t.Parallel()
	const wait = 7 * time.Millisecond
	for _, slow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := pace{}
			p.wait.Store(int64(wait))
			p.slow.Store(true)
			p.mean.Store(int64(wait))
			inline, returns, was := 0, 0, false
			for began := time.Now(); time.Since(began) < 20*time.Second; {
				time.Sleep(100 * time.Microsecond)
				quick := p.quick(0, nobody)
				if quick && !was {
					returns++
				}
				if was = quick; !quick {
					p.pooled(wait, 0, everybody)
					continue
				}
				inline++
				took := 10 * time.Microsecond
				if slow {
					took = 5 * time.Millisecond
					time.Sleep(took)
				}
				p.inline(took, time.Now(), nobody)
			}
			if slow && (inline > 200 || returns > 15) {
				t.Errorf("a slow method ran inline %d times and came back %d times in 20 s", inline, returns)
			}
			if !slow && (inline < 190_000 || returns != 1) {
				t.Errorf("a quick method ran inline %d times and came back %d times in 20 s", inline, returns)
			}
		})
	}
}

// Calls that are still in the pool when a method is tried in the readers end there one after
// the other, and say nothing about it.
func TestPaceStragglers(t *testing.T) {
	t.Parallel()
	const wait = 7 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		p := pace{}
		p.wait.Store(int64(wait))
		p.slow.Store(true)
		p.mean.Store(int64(wait))
		p.pooled(wait, 0, everybody)
		for i := range 1000 * proof {
			if !p.quick(0, nobody) {
				t.Fatalf("it is back in the pool after %d quick calls and as many that had waited there", i)
			}
			time.Sleep(10 * time.Microsecond)
			p.inline(10*time.Microsecond, time.Now(), nobody)
			p.pooled(wait, 0, everybody)
		}
		if p.trial.Load() > 0 {
			t.Error("that was not enough to prove it")
		}
	})
}

// A method is tried only while the calls in the pool could go on, and a call that blocks then
// ends the trial at once, unless others were in its way.
func TestPaceTriesWhatIsStarved(t *testing.T) {
	t.Parallel()
	const took, wait = 10 * time.Millisecond, 7 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		p := pace{}
		p.wait.Store(int64(wait))
		p.mean.Store(int64(took))
		p.leave()
		asked := 0
		for range 100 {
			time.Sleep(time.Millisecond)
			p.pooled(took, wait, func() bool { asked++; return false })
		}
		if p.quick(0, nobody) {
			t.Error("a method whose calls wait for something else is tried in the readers")
		}
		if asked == 0 || asked > 20 {
			t.Errorf("in 100 ms it was asked %d times what the calls wait for", asked)
		}
		time.Sleep(shortPause)
		p.pooled(took, wait, everybody)
		p.blocked(time.Now(), 0, everybody)
		if !p.quick(0, nobody) {
			t.Error("a call that waited for the others ended the trial")
		}
		p.blocked(time.Now(), 0, nobody)
		if p.quick(0, nobody) {
			t.Error("a call that blocked did not end the trial")
		}
	})
}

// What is found blocking in a trial is excused only if it may have begun while calls of the pool
// were in its way, and if these are.
func TestPaceBlockedInATrial(t *testing.T) {
	t.Parallel()
	const wait = 7 * time.Millisecond // as long as that four times is the clearing
	for name, tt := range map[string]struct {
		after   time.Duration
		starved func() bool
		slow    bool
	}{
		"at once":                              {0, everybody, false},
		"at once, and nothing in its way":      {0, nobody, true},
		"it has begun before that":             {4*wait + 2*tick - 1, everybody, false},
		"begun before, and nothing in its way": {4*wait + 2*tick - 1, nobody, true},
		"it has begun after that":              {4*wait + 2*tick, everybody, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var p pace
				p.wait.Store(int64(wait))
				p.mean.Store(int64(wait))
				p.leave()
				time.Sleep(longPause)
				p.pooled(wait, 0, everybody)
				if p.trial.Load() == 0 {
					t.Fatal("the method is not tried")
				}
				time.Sleep(tt.after)
				p.blocked(time.Now(), 0, tt.starved)
				if p.slow.Load() != tt.slow {
					t.Errorf("slow: %t, want %t", !tt.slow, tt.slow)
				}
			})
		})
	}
}

// What calls wait for is told apart: a processor, or something else.
func TestStarved(t *testing.T) { //nolint:paralleltest // others would want the processor too
	calls := 100 + 4*runtime.GOMAXPROCS(0) // some of them run
	var p pace
	m, few := monitorOf(calls), monitorOf(manyHeld-1)
	calm, busy := &method{}, overloaded(t)
	if p.starved() || monitorOf(0).starved() {
		t.Error("nothing runs, and it waits for a processor")
	}
	for _, pace := range []*pace{&p, &calm.pace, &busy.pace} {
		pace.running.Store(int64(calls))
	}
	for _, ready := range []bool{false, true} {
		var (
			wg   sync.WaitGroup
			over = make(chan struct{})
		)
		for range calls {
			wg.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					if !ready {
						<-over
						return
					}
					runtime.Gosched()
				}
			})
		}
		for name, starved := range map[string]func() bool{
			"in the pool":                p.starved,
			"in the pool, of a method":   func() bool { return calm.tried(m) },
			"of connections":             m.starved,
			"of connections to a method": func() bool { return calm.starved(m) },
		} {
			began := time.Now() // the calls may not have
			for starved() != ready && time.Since(began) < 10*time.Second {
				runtime.Gosched()
			}
			if starved() != ready {
				t.Errorf("%d calls %s that are ready to run: %t; starved: %t", calls, name, ready, !ready)
			}
		}
		if few.starved() {
			t.Errorf("%d connections, and it is told what their calls wait for", manyHeld-1)
		}
		if busy.tried(m) || busy.starved(m) {
			t.Error("a method has more calls than it can answer in time, and that they wait for a processor excuses it")
		}
		close(over)
		wg.Wait()
	}
}

// tried reports whether the method is tried in the readers after a call in the pool that took as
// long as one has to wait there.
func (m *method) tried(mon *monitor) bool {
	const wait = time.Second
	m.pace.wait.Store(int64(wait))
	m.pace.mean.Store(int64(wait))
	m.pace.left = time.Time{}
	m.pace.trial.Store(0)
	m.pace.slow.Store(true)
	m.pooled(wait, mon)
	return !m.pace.slow.Load()
}

// overloaded returns a method that has more calls than it can answer in time.
func overloaded(t *testing.T) *method {
	t.Helper()
	m := &method{limit: adaptive.New(adaptive.Config{Tolerance: 2, Min: 1, Floor: 1, Processors: 1, Eager: true})}
	for now := time.Now(); !m.crowded(); now = now.Add(tick) {
		m.limit.Missed(adaptive.Stay{Began: now.Add(-time.Second), Ended: now}, time.Millisecond)
		if time.Until(now) > time.Minute {
			t.Fatal("calls of 1 s are not found to take longer than 1 ms")
		}
	}
	return m
}

// monitorOf returns a monitor of twice as many connections as are held up by a call.
func monitorOf(held int) *monitor {
	m := &monitor{watched: make(map[*Conn]*sighting)}
	for i := range 2 * held {
		c := new(Conn)
		now := newTurn(c, nil)
		now.state.Store(uint64(i))
		c.turn.Store(now)
		m.watched[c] = new(sighting)
	}
	return m
}

// Of very many connections some are looked at.
func TestHeld(t *testing.T) {
	t.Parallel()
	for _, held := range []int{0, 1, looks / 2, looks, 20 * looks} {
		got := int(monitorOf(held).held())
		if off := max(got-held, held-got); 2*held <= looks && off > 0 || off > held/2 {
			t.Errorf("%d connections of %d are held up, %d are found", held, 2*held, got)
		}
	}
}

// Who asks what calls wait for does not wait for the monitor.
func TestStarvedDoesNotWait(t *testing.T) {
	t.Parallel()
	m := monitorOf(manyHeld)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.starved() {
		t.Error("what calls wait for is told while the monitor looks")
	}
	n := monitorOf(manyHeld)
	n.asked.Store(true)
	if !n.starved() {
		t.Error("what calls wait for is asked by two at a time")
	}
}

// Calls that take long in the readers are excused while they wait for a processor, if many are
// quick between the times when that is so.
func TestPaceExcuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		trial int32
		quick int // calls after each one of 1 ms
		least time.Duration
		most  time.Duration
	}{
		"all take long":           {0, 0, maxExcuses * tick, 2 * maxExcuses * tick},
		"all take long, in trial": {proof, 0, maxExcuses * tick, 2 * maxExcuses * tick},
		"many are quick":          {0, 2 * redeemed, time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var p pace
				p.trial.Store(tt.trial)
				asked := 0
				starved := func() bool { asked++; return true }
				call := func(took time.Duration) {
					time.Sleep(took)
					p.inline(took, time.Now(), starved)
					p.quick(0, starved)
				}
				began := time.Now()
				for !p.slow.Load() && time.Since(began) < 10*time.Second {
					if call(time.Millisecond); tt.quick == 0 {
						continue
					}
					call(50 * time.Millisecond) // to be averaged with the quick ones
					for range tt.quick {
						call(10 * time.Microsecond)
					}
				}
				stayed := time.Since(began)
				if stayed < min(tt.least, 10*time.Second) || stayed > max(tt.most, tt.least) {
					t.Errorf("it left after %v, want %v to %v", stayed, tt.least, tt.most)
				}
				if tt.quick > 0 && asked <= maxExcuses {
					t.Errorf("it was asked %d times, which tells nothing", asked)
				}
				if most := 1 + int(stayed/tick); asked > most {
					t.Errorf("in %v it was asked %d times, want %d at most", stayed, asked, most)
				}
				if p.trial.Load() != 0 {
					t.Error("the trial is not over")
				}
			})
		})
	}
}

// A method whose calls wait for something else is found out, whatever was excused before.
func TestPaceExcusesNoLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const took = time.Millisecond
		var p pace
		call := func(starved func() bool) {
			time.Sleep(took)
			p.quick(0, starved)
			p.inline(took, time.Now(), starved)
		}
		for range 100 {
			call(everybody)
		}
		if !p.quick(0, nobody) {
			t.Fatal("it has left while its calls waited for a processor")
		}
		time.Sleep(tick)
		for range 20 {
			call(nobody)
		}
		if p.quick(0, nobody) {
			t.Errorf("20 calls that wait for something else: still quick, mean %v", time.Duration(p.mean.Load()))
		}
	})
}

// A method that begins to block after having been quick for ever is soon found out.
func TestPaceForgivesNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		p.take(again(100*worthy, 10*time.Microsecond)...)
		looks := 0
		for ; !p.slow.Load() && looks < 100; looks++ {
			time.Sleep(tick)
			p.blocked(time.Now(), 0, nobody)
		}
		if looks != saved+1 {
			t.Errorf("it left after %d looks, want %d", looks, saved+1)
		}
	})
}

// What counts costs nothing besides: a method that was found blocking is forgiven as soon as one
// that was not.
func TestPaceOwesNothingForWhatCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const noise = blockedSample // so that it stays
		var p pace
		found := func() (counts bool) {
			before := p.mean.Load()
			time.Sleep(tick)
			p.blocked(time.Now(), noise, nobody)
			return p.mean.Load() > before
		}
		for range 5 {
			if !found() {
				t.Error("a new method is forgiven")
			}
		}
		for range worthy {
			p.inline(10*time.Microsecond, time.Now(), nobody)
		}
		if found() {
			t.Errorf("after %d quick calls it is not forgiven", worthy)
		}
	})
}

// Whoever asks at the same time is excused with the first.
func TestPaceExcusesAllAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		for range 2 * maxExcuses {
			p.mean.Store(int64(time.Millisecond))
			if !p.quick(0, everybody) {
				t.Fatal("one of those that ask at the same time is not excused")
			}
		}
		p.leave()
		if p.excuse() {
			t.Error("a method is excused that has left")
		}
	})
}

// A method that was excused for some time leaves for longer each time.
func TestPaceExcusedInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		time.Sleep(settled)
		if p.leave(); p.pause != shortPause {
			t.Errorf("a method that was never excused has left for %v, want %v", p.pause, shortPause)
		}
		time.Sleep(p.pause)
		p.comeBack(0)
		pause := time.Duration(0)
		for range 3 {
			p.mean.Store(int64(time.Millisecond))
			for range maxExcuses / 2 {
				if !p.quick(0, everybody) {
					t.Fatal("it is not excused")
				}
				time.Sleep(tick)
				p.mean.Store(int64(time.Millisecond))
			}
			if p.quick(0, nobody) || p.pause <= pause {
				t.Fatalf("it has left for %v, after %v", p.pause, pause)
			}
			pause = p.pause
			time.Sleep(pause)
			p.comeBack(0)
		}
		p.mean.Store(int64(time.Millisecond))
		if !p.quick(0, everybody) {
			t.Fatal("it is not excused any more")
		}
		for range redeemed {
			p.inline(10*time.Microsecond, time.Now(), nobody)
		}
		time.Sleep(settled)
		if p.leave(); p.pause != shortPause {
			t.Errorf("after many quick calls it has left for %v, want %v", p.pause, shortPause)
		}
	})
}

// What the monitor finds counts once for each look, in full, whatever else took long.
func TestPaceBlocked(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, tt := range map[string]struct {
		quick, looks, each int // calls before, looks, calls found in each
		noise              time.Duration
		beside             time.Duration // what another call takes at each tick
		slow               bool
	}{
		"not diluted":           {worthy - 1, 1, 1, ms, 0, true},
		"within twice of noise": {0, 1, 1, 4 * ms, 0, false},
		"once for each look":    {0, 1, 10, 4 * ms, 0, false},
		"at every look":         {0, 2, 1, 4 * ms, 0, true},
		"others take long":      {200, 2, 1, ms, 300 * time.Microsecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var p pace
				time.Sleep(time.Second)
				p.take(again(tt.quick, 10*time.Microsecond)...)
				for range tt.looks {
					if tt.beside > 0 {
						p.inline(tt.beside, time.Now(), nobody)
					}
					time.Sleep(tick)
					look := time.Now()
					for range tt.each {
						p.blocked(look, tt.noise, nobody)
					}
				}
				if p.slow.Load() != tt.slow {
					t.Errorf("slow: %t, want %t; mean %v", !tt.slow, tt.slow, time.Duration(p.mean.Load()))
				}
			})
		})
	}
}

// A method that always takes long leaves, on however many connections, also where ticks are late by
// a part of that.
func TestPaceOnManyConnections(t *testing.T) {
	t.Parallel()
	for _, took := range []time.Duration{2 * time.Millisecond, 9 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			const conns = 500
			var p pace
			noise := took / 10
			began := time.Now()
			for p.quick(noise, nobody) && time.Since(began) < time.Second {
				time.Sleep(took / conns) // they end one after the other
				p.inline(took, time.Now(), nobody)
			}
			if stayed := time.Since(began); stayed > 10*took {
				t.Errorf("calls of %v on %d connections were inline for %v", took, conns, stayed)
			}
		})
	}
}

// So does one of which a part waits, also where ticks are late by so much that its calls, some of
// which always overlap, would be put down to that if they counted little for ever.
func TestPaceOfMixedCalls(t *testing.T) {
	t.Parallel()
	const us, ms = time.Microsecond, time.Millisecond
	for name, tt := range map[string]struct {
		conns, one int // one of so many calls waits
		noise      time.Duration
		before     int64 // quick samples
		most       time.Duration
	}{
		"one of 4":                    {10, 4, 200 * us, 0, 200 * ms},
		"one of 4, more noise":        {10, 4, 320 * us, 0, 200 * ms},
		"one of 10":                   {10, 10, 120 * us, 0, 200 * ms},
		"one of 4, many connections":  {100, 4, 200 * us, 0, 200 * ms},
		"one of 10, many connections": {50, 10, 200 * us, 0, 200 * ms},
		"quick for years before":      {10, 10, 200 * us, 1 << 40, 2000 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var p pace
				p.quicks.Store(tt.before)
				if stayed := p.mix(tt.conns, tt.one, tt.noise, tt.most); stayed >= tt.most {
					t.Errorf("it was inline for %v; mean %v", stayed, time.Duration(p.mean.Load()))
				}
			})
		})
	}
}

// mix notes calls on so many connections, each of which waits 5 ms in one of so many, until the
// method leaves, or for so long. It returns how long it stayed.
func (p *pace) mix(conns, one int, noise, most time.Duration) (stayed time.Duration) {
	began := time.Now()
	calls, took, ends := make([]int, conns), make([]time.Duration, conns), make([]time.Time, conns)
	for c := range conns {
		calls[c], ends[c] = c, began.Add(time.Duration(c)*13*time.Microsecond)
	}
	for p.quick(noise, nobody) && time.Since(began) < most {
		c := 0 // whose call ends first
		for i := range ends {
			if ends[i].Before(ends[c]) {
				c = i
			}
		}
		if time.Sleep(time.Until(ends[c])); took[c] > 0 {
			p.inline(took[c], time.Now(), nobody)
		}
		if took[c] = 20 * time.Microsecond; calls[c]%one == 0 {
			took[c] = 5 * time.Millisecond
		}
		calls[c]++
		ends[c] = ends[c].Add(took[c])
	}
	return time.Since(began)
}

// A method that is quick stays, however often the processor is taken from all of its connections.
func TestPaceOfCallsHeldUpTogetherOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const conns, noise = 10, 100 * time.Microsecond
		var p pace
		for i := range 200 {
			for range conns * discount {
				time.Sleep(10 * time.Microsecond / conns)
				p.inline(10*time.Microsecond, time.Now(), nobody)
			}
			time.Sleep(5 * time.Millisecond)
			for range conns {
				p.inline(5*time.Millisecond, time.Now(), nobody)
			}
			if !p.quick(noise, nobody) {
				t.Fatalf("it has left when that was so %d times; mean %v", i+1, time.Duration(p.mean.Load()))
			}
		}
	})
}

// A method stays whose calls are held up together all the time, as long as mostly they are ready to
// run when somebody looks, and some of them are quick.
func TestPaceOfCallsThatAreReady(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		quick int // in a millisecond, and ten that are not
		ready int // how often they are not ready: once in so many; 0: never
		stays bool
	}{
		"half of them quick":                   {10, 0, true},
		"half of them quick, not always ready": {10, 3, true},
		"half of them quick, never ready":      {10, 1, false},
		"none quick":                           {0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const noise = 300 * time.Microsecond
				var p pace
				asked := 0
				ready := func() bool {
					asked++
					return tt.ready == 0 || asked%tt.ready != 0
				}
				stays := true
				for range 5000 {
					time.Sleep(time.Millisecond)
					for range 10 {
						p.inline(2*time.Millisecond, time.Now(), ready)
					}
					for range tt.quick {
						p.inline(10*time.Microsecond, time.Now(), ready)
					}
					stays = stays && p.quick(noise, ready)
				}
				if stays != tt.stays {
					t.Errorf("it stays: %t; mean %v, asked %d times", stays, time.Duration(p.mean.Load()), asked)
				}
			})
		})
	}
}

// It is asked a few times in a tick why calls are held up, not while that is clear or they are
// excused, and ticks count in which it was not.
func TestPaceAsksWhy(t *testing.T) {
	t.Parallel()
	var p pace
	now := time.Now()
	p.held, p.lent = now, discount*discount
	asks := func(at time.Duration, ready bool) bool {
		if !p.suspect(now.Add(-1), now.Add(at)) {
			return false
		}
		p.explain(now.Add(at), ready)
		return true
	}
	for i, tt := range []struct {
		at           time.Duration
		ready, asked bool
		doubts       int
	}{
		{0, false, true, 1},
		{tick / 8, false, false, 1},
		{tick / 4, false, true, 1},
		{tick / 2, false, true, 1},
		{tick, false, true, 2},
		{2 * tick, false, true, 3},
		{3 * tick, true, true, 0},
		{4*tick - 1, false, false, 0},
		{4 * tick, false, true, 1},
		{5 * tick, false, true, 2},
		{6*tick + remembered, false, true, 1},
	} {
		if asked := asks(tt.at, tt.ready); asked != tt.asked || p.doubts != tt.doubts {
			t.Errorf("%d: asked %t, %d doubts, want %t, %d", i, asked, p.doubts, tt.asked, tt.doubts)
		}
	}
	p.excused = now
	if p.suspect(now.Add(-1), now.Add(time.Hour)) {
		t.Error("asked about a call that is excused")
	}
	p.excused, p.lent = time.Time{}, 0
	if p.suspect(now.Add(-1), now.Add(time.Hour)) {
		t.Error("asked though there is something left to borrow")
	}
	if p.lent = discount * discount; p.suspect(now, now.Add(time.Hour)) {
		t.Error("asked about a call that was held up alone")
	}
}

// What is found blocking counts also while calls are excused.
func TestPaceBlocksWhileExcused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		p.mean.Store(int64(time.Millisecond))
		if !p.quick(0, everybody) {
			t.Fatal("calls that wait for a processor are not excused")
		}
		p.blocked(time.Now(), 0, nobody)
		if p.quick(0, everybody) {
			t.Error("a method is in the readers whose calls are found blocking")
		}
	})
}

// In a trial a few calls may take long, among many that do not.
func TestPaceStrikes(t *testing.T) {
	t.Parallel()
	const quick, slow = 10 * time.Microsecond, time.Millisecond
	for name, tt := range map[string]struct {
		calls []time.Duration
		slow  bool
	}{
		"all quick":            {again(proof, quick), false},
		"two at once":          {append(again(2, slow), again(proof, quick)...), false},
		"three at once":        {again(3, slow), true},
		"one of 16":            {every(16, slow, 2*proof), false},
		"one of 4":             {every(4, slow, 2*proof), true},
		"three after 20 quick": {append(again(20, quick), again(3, slow)...), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var p pace
				p.trial.Store(proof)
				for _, d := range tt.calls {
					if time.Sleep(d); p.trial.Load() > 0 {
						p.inline(d, time.Now(), nobody)
					}
				}
				if p.slow.Load() != tt.slow {
					t.Errorf("slow: %t, want %t", p.slow.Load(), tt.slow)
				}
			})
		})
	}
}

// Each trial has strikes of its own.
func TestPaceStrikesOfEachTrial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const wait = time.Millisecond
		var p pace
		for range 3 {
			p.wait.Store(int64(wait))
			p.mean.Store(int64(wait))
			p.leave()
			time.Sleep(longPause)
			p.pooled(wait, 0, everybody)
			time.Sleep(clearing)
			for range freeStrikes {
				time.Sleep(wait)
				p.inline(wait, time.Now(), nobody)
			}
			if !p.quick(0, nobody) {
				t.Fatal("a trial ended that was to go on")
			}
		}
	})
}

// A trial ends, whatever is in the way of its calls.
func TestPaceTrialEnds(t *testing.T) {
	t.Parallel()
	oneOf20 := func(p *pace, starved func() bool) {
		for range 19 {
			time.Sleep(20 * time.Microsecond)
			p.inline(20*time.Microsecond, time.Now(), starved)
		}
		time.Sleep(5 * time.Millisecond)
		p.inline(5*time.Millisecond, time.Now(), starved)
	}
	for name, tt := range map[string]struct {
		call func(p *pace)
		most time.Duration // in the readers, of 20 s
	}{
		"every call is taken over": {func(p *pace) {
			time.Sleep(2 * tick)
			p.blocked(time.Now(), 0, everybody)
			time.Sleep(tick / 2)
			p.inline(5*tick/2, time.Now(), nobody)
		}, time.Second},
		"one of 20 waits": {func(p *pace) { oneOf20(p, nobody) }, time.Second},
		"one of 20 waits, others are ready": {func(p *pace) {
			oneOf20(p, everybody)
			p.quick(0, everybody)
		}, 7 * 2 * maxExcuses * tick}, // the pause is at its longest then
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const wait = 8 * time.Millisecond
				var p pace
				p.wait.Store(int64(wait))
				p.mean.Store(int64(wait))
				p.leave()
				trials, inline := 0, time.Duration(0)
				for began := time.Now(); time.Since(began) < 20*time.Second; {
					if !p.quick(0, nobody) {
						time.Sleep(wait)
						p.pooled(wait, 0, everybody)
						continue
					}
					if p.trial.Load() == proof {
						trials++
					}
					from := time.Now()
					tt.call(&p)
					inline += time.Since(from)
				}
				if inline > tt.most {
					t.Errorf("in 20 s the method was in the readers for %v; trials seen: %d", inline, trials)
				}
			})
		})
	}
}

// Where others take the processor from the whole program, its own goroutines do not wait for it.
func TestPaceNoiseOutside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pace
		p.mean.Store(int64(150 * time.Microsecond))
		p.leave()
		for range 100 {
			time.Sleep(time.Millisecond)
			p.pooled(150*time.Microsecond, time.Millisecond, nobody)
		}
		if !p.quick(time.Millisecond, nobody) {
			t.Error("a method of 150 µs stays in the pool where ticks are late by 1 ms")
		}
	})
}

// What takes the processor from all connections at the same time counts once.
func TestPaceOfCallsHeldUpTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var together, apart pace
		time.Sleep(time.Second)
		for range 10 {
			together.inline(5*time.Millisecond, time.Now(), nobody)
		}
		for range 10 {
			time.Sleep(5 * time.Millisecond)
			apart.inline(5*time.Millisecond, time.Now(), nobody)
		}
		once, often := time.Duration(together.mean.Load()), time.Duration(apart.mean.Load())
		if once > 400*time.Microsecond || often < 2*time.Millisecond {
			t.Errorf("on average calls took %v and %v", once, often)
		}
	})
}

// A method that has been quick for long is forgiven when its connections are found held up at one
// tick, but not at the next one, nor soon after that.
func TestPaceForgives(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before  int // quick calls
		between time.Duration
		after   int // quick calls between one tick and another
		slow    bool
	}{
		"once":                     {worthy, 0, 0, false},
		"not when it is new":       {worthy - 1, 0, 0, true},
		"not at two ticks":         {worthy, tick, 0, true},
		"at two, if it is old":     {10 * worthy, tick, 0, false},
		"not soon after":           {worthy, time.Second, worthy - 1, true},
		"again when it is due":     {worthy, time.Second, worthy, false},
		"not when others are late": {worthy, 3 * tick, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var p pace
				p.take(again(tt.before, 10*time.Microsecond)...)
				found := func() {
					look := time.Now()
					for range 10 { // connections
						p.blocked(look, 0, nobody)
						time.Sleep(time.Millisecond)
					}
				}
				if found(); tt.between > 0 {
					time.Sleep(tt.between)
					p.take(again(tt.after, 10*time.Microsecond)...)
					found()
				}
				time.Sleep(2 * tick) // what was found has begun a tick and a bit before that, and ends now
				for range 10 {
					p.inline(7*tick/2, time.Now(), nobody)
				}
				if p.quick(0, nobody) == tt.slow {
					t.Errorf("slow: %v, want %v; mean %v", !tt.slow, tt.slow, time.Duration(p.mean.Load()))
				}
			})
		})
	}
}

// So is a method found slow that blocks in half of its calls, on many connections at once.
func TestPaceOfManyConnections(t *testing.T) {
	t.Parallel()
	const conns = 50
	synctest.Test(t, func(t *testing.T) {
		var p pace
		inline := make(chan int, conns)
		for c := range conns {
			go func() {
				time.Sleep(time.Duration(c) * 7 * time.Microsecond)
				n := 0
				for i := range 1000 {
					n += p.take(20*time.Microsecond, time.Duration((i+c)%2)*500*time.Microsecond)
				}
				inline <- n
			}()
		}
		n := 0
		for range conns {
			n += <-inline
		}
		if n > 2000 {
			t.Errorf("%d of %d calls ran inline", n, conns*2000)
		}
	})
}

// A tick that comes late does not make the monitor look again right after it, and is noise.
func TestLooksAreATickApart(t *testing.T) {
	t.Parallel()
	c := new(Conn)
	quiet := newTurn(c, nil)
	c.turn.Store(quiet)
	seen := sighting{turn: quiet}
	start := time.Now()
	m := monitor{watched: map[*Conn]*sighting{c: &seen}, ticked: start, looked: start}
	for _, tt := range []struct {
		at   float64 // ticks since the start
		look bool
		late bool // and so there is more noise than before
	}{
		{1, true, false},
		{2, true, false},
		{3.75, true, true},
		{4, false, false},
		{5, true, false},
		{6, true, false},
		{9.5, true, true}, // as if the ticks between had been left out
		{10, false, false},
		{11, true, false},
		{11.1, false, false},
		{12, true, false},
		{12.75, true, false},
		{13.4, false, false},
		{13.6, true, false},
	} {
		before, looks := m.noise(), seen.quiet
		if !m.wake(start.Add(time.Duration(tt.at * float64(tick)))) {
			t.Error("a connection is watched, and it looks no longer")
		}
		if look := seen.quiet > looks; look != tt.look {
			t.Errorf("a tick after %v times its time: it looks: %t, want %t", tt.at, look, tt.look)
		}
		if late := m.noise() > before; late != tt.late {
			t.Errorf("a tick after %v times its time: noise %v after %v", tt.at, m.noise(), before)
		}
	}
}

// Whoever is shown a call may keep it: it does not become another one.
func TestKeyKeepsCall(t *testing.T) {
	t.Parallel()
	var kept []*rpcx.Call
	s := NewServer(WithRateLimit(RateLimit{Rate: 1e6, Key: func(_ context.Context, c *rpcx.Call) string {
		kept = append(kept, c)
		return ""
	}}))
	defer s.Close()
	for _, name := range []string{"A", "B"} {
		if err := Handle(s, "S", name, func(context.Context, *[]byte, *[]byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
		in := s.newInbound(&Conn{server: s})
		in.call.Service, in.call.Method = "S", name
		in.method, _ = (*s.table.Load()).lookup([]byte("S"), []byte(name))
		if err := s.rate.charge(in); err != nil {
			t.Fatal(err)
		}
		in.recycle()
	}
	if kept[0].Method != "A" {
		t.Errorf("the first call is now one of %q", kept[0].Method)
	}
}
