// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// spent is how much time the processors have spent since the system began, and how much of it
// is accounted for by this process and those that it has started and awaited.
type spent struct {
	at   time.Time
	busy time.Duration // by anybody, what a hypervisor took for others included
	own  time.Duration
	cpus int // 0: nothing is known
}

// spentSoFar reads what the kernel knows; nothing where there is no /proc.
func spentSoFar() spent {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return spent{}
	}
	busy, cpus := parseBusy(string(stat))
	s := spent{at: time.Now(), busy: busy, cpus: cpus}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		cpu, err := cpuTime(who)
		if err != nil {
			return spent{}
		}
		s.own += cpu
	}
	return s
}

// jiffy is the unit of /proc/stat for programs, on all architectures that Go has.
const jiffy = 10 * time.Millisecond

// parseBusy adds up what the first line of /proc/stat tells but for time that was idle, and
// counts the processors that this is about. What guests have used is part of other numbers there.
func parseBusy(stat string) (busy time.Duration, cpus int) {
	line, rest, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0
	}
	for i, f := range fields[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, 0
		}
		if i != 3 && i != 4 {
			busy += time.Duration(n) * jiffy
		}
	}
	return busy, strings.Count("\n"+rest, "\ncpu")
}

// disturbance returns which share of the processors' time others have taken since before; 0 if
// that is not known.
func (s spent) disturbance(before spent) float64 {
	all := time.Duration(s.cpus) * s.at.Sub(before.at)
	if s.cpus != before.cpus || all <= 0 {
		return 0
	}
	taken := float64(s.busy-before.busy-(s.own-before.own)) / float64(all)
	return min(max(taken, 0), 1)
}
