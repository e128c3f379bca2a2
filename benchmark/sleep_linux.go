// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// newSleeper returns a function that sleeps and one that gives back what it needs.
// The runtime's timers are a millisecond late on an idle process, which would show
// as latency; a thread of its own, asked to be exact, is not.
func newSleeper() (sleep func(time.Duration), free func()) {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // where that is refused it is 50 µs late
	sleep = func(d time.Duration) {
		ts := unix.NsecToTimespec(int64(d))
		_ = unix.Nanosleep(&ts, nil) // interrupted: the call is early, by less than a tick
	}
	return sleep, func() {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // back to the default
		runtime.UnlockOSThread()
	}
}
