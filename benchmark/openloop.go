// SPDX-License-Identifier: Apache-2.0

package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// open begins calls at the scenario's rate, whatever becomes of those before. What
// a call takes is counted from when it was to begin, so that a server that stalls is
// charged with all the calls that had to wait meanwhile, and not, as in a closed
// loop, with one per caller (coordinated omission). Callers bound how many are under
// way at once.
//
// After the window has ended, calls that were to begin within it get as long again
// to end. Those that do not are recorded with the time they have waited by then,
// which is less than they would take.
func (l *load) open(w window) {
	due := make(chan call, 1024)
	var pacing sync.WaitGroup
	pacing.Go(func() {
		defer close(due)
		l.pace(w, due)
	})
	var over atomic.Bool
	timer := time.AfterFunc(time.Until(w.until.Add(w.until.Sub(w.from))), func() { over.Store(true) })
	defer timer.Stop()
	l.callers(func(caller int, do func(n int) error) {
		for c := range due {
			recorded := !c.at.Before(w.from)
			switch {
			case !over.Load():
				err := do(c.n)
				l.recorder.end(caller, time.Since(c.at), err, recorded)
			case recorded:
				l.unfinished.Add(1)
				l.recorder.waited(caller, time.Since(c.at))
			}
		}
	})
	pacing.Wait()
}

// call is a call to be made.
type call struct {
	n  int
	at time.Time // when it is to begin
}

// pace sends the calls to be made when they are due, from now to the window's end.
// When callers are busy and the channel is full it falls behind, and catches up.
func (l *load) pace(w window, due chan<- call) {
	sleep, free := l.newSleeper()
	defer free()
	begin := time.Now()
	for n := 0; ; n++ {
		at := begin.Add(time.Duration(float64(n) / float64(l.scenario.Rate) * float64(time.Second)))
		if !at.Before(w.until) {
			return
		}
		if d := time.Until(at); d > 0 {
			sleep(d)
		}
		due <- call{n, at} // callers take until it is closed
	}
}
