// SPDX-License-Identifier: Apache-2.0

package adaptive

import "time"

// sample is what calls that ended lately were like.
type sample struct {
	began       time.Time
	count, late int
	sum         time.Duration // of what they took
	waited      time.Duration // of that, before they ran
	patient     int           // of those with a deadline
	budget      time.Duration // of the time that those had
	peak        int64         // calls in flight
	queue       int           // most calls that waited to run
}

// stale reports whether a sample has too few calls for its age.
func (w *sample) stale(now time.Time) bool {
	return w.count == 0 || now.Sub(w.began) > stale && w.count < enough
}

// full reports whether conclusions may be drawn.
func (w *sample) full(now time.Time) bool { return w.count >= enough && now.Sub(w.began) >= window }

func (w *sample) add(s *Stay, inFlight int64) {
	w.count++
	w.sum += s.took()
	w.waited += s.Waited
	w.peak = max(w.peak, inFlight)
	w.queue = max(w.queue, s.Queue)
	if s.Budget >= impatient {
		w.patient++
		w.budget += s.Budget
		if Late(s.Budget-s.took(), s.Budget) {
			w.late++
		}
	}
}

// mean is what a call took.
func (w *sample) mean() time.Duration { return w.sum / time.Duration(w.count) }

// alone is what a call would have taken if no others had waited for a processor with it.
// That is not to be had if these do not explain how long it waited: something else keeps
// the processors busy then, which takes what it takes whatever the load.
func (w *sample) alone(processors int) time.Duration {
	run := (w.sum - w.waited) / time.Duration(w.count)
	others := float64(w.queue+1) / float64(processors)
	if wait := w.mean() - run; float64(wait) > slack*others*float64(run) {
		return w.mean()
	}
	return run
}

// hopeless reports whether calls run out of time, or would if they had to wait for so many
// seconds.
func (w *sample) hopeless(wait float64) bool {
	if w.patient == 0 {
		return false
	}
	budget := w.budget.Seconds() / float64(w.patient)
	return float64(w.late) >= lateShare*float64(w.count) || wait > budget/2
}
