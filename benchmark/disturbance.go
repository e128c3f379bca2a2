// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// spent is how much time the processors have spent since the system began, and how much of it
// is accounted for by this process and those that it has started and awaited.
type spent struct {
	at    time.Time
	busy  time.Duration // by anybody, what a hypervisor took for others included
	own   time.Duration
	known bool
}

// spentSoFar reads what the kernel knows; nothing where there is no /proc.
func spentSoFar() spent {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return spent{}
	}
	busy, ok := parseBusy(string(stat))
	s := spent{at: time.Now(), busy: busy, known: ok}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		if syscall.Getrusage(who, &r) != nil {
			return spent{}
		}
		s.own += time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return s
}

// jiffy is the unit of /proc/stat for programs, on all architectures that Go has.
const jiffy = 10 * time.Millisecond

// parseBusy adds up what the first line of /proc/stat tells but for time that was idle. What
// guests have used is part of other numbers there.
func parseBusy(stat string) (time.Duration, bool) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, false
	}
	var busy time.Duration
	for i, f := range fields[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, false
		}
		if i != 3 && i != 4 {
			busy += time.Duration(n) * jiffy
		}
	}
	return busy, true
}

// disturbance returns which share of the processors' time others have taken since before; 0 if
// that is not known.
func (s spent) disturbance(before spent) float64 {
	all := time.Duration(runtime.NumCPU()) * s.at.Sub(before.at)
	if !s.known || !before.known || all <= 0 {
		return 0
	}
	return max(0, float64(s.busy-before.busy-(s.own-before.own))/float64(all))
}
