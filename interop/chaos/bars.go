// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"fmt"
	"time"
)

// What this project promises of a result. Real rpcx is not held to it.
const (
	maxAttempts = 1.2
	maxRecovery = 5 * time.Second
	minRate     = 5000 // of a rolling restart
)

// misses lists what a result should not be, for a load that was to have the given rate.
func (r *result) misses(m mode, rate int) []string {
	var list []string
	miss := func(missed bool, format string, args ...any) {
		if missed {
			list = append(list, fmt.Sprintf("%s, %s: ", r.Fault, r.Mode)+fmt.Sprintf(format, args...))
		}
	}
	miss(r.Wrong+r.Lost > 0, "%d successes were none", r.Wrong+r.Lost)
	miss(r.Hung > 0, "%d calls did not end", r.Hung)
	miss(r.Unclear > 0, "%d failures do not say whether the call was executed: %s", r.Unclear, r.Errors[unclear.String()])
	miss(r.Untrue > 0, "%d calls were executed that had failed as not executed", r.Untrue)
	miss(!m.mayRepeat() && r.Twice > 0, "%d calls were executed twice", r.Twice)
	miss(!r.Healed || r.Recovery > maxRecovery, "recovered after %v, want at most %v", r.Recovery, maxRecovery)
	switch r.Fault {
	case "SIGTERM":
		miss(r.Failed > 0, "%d calls failed, want none: %v", r.Failed, r.Errors)
		miss(m.failMode != failbackup && r.Twice > 0, "%d calls were executed twice, want none", r.Twice)
		miss(rate >= minRate && r.Rate < minRate, "%.0f calls/s, want %d", r.Rate, minRate)
	case "kill -9":
		miss(m.failMode == failover && !m.once && r.Failed > 0, "%d calls failed, want none: %v", r.Failed, r.Errors)
		miss(!m.mayRepeat() && r.Late > 0, "%d calls waited for their deadline", r.Late)
	case "slow":
		again := m.failMode == failover || m.failMode == failbackup && !m.once
		miss(again && r.Definite > 0, "%d calls were refused and not sent elsewhere: %s", r.Definite, r.Errors[definite.String()])
	case "outage", "all refuse":
		miss(r.Attempts > maxAttempts, "%.2f attempts per call, want at most %.1f", r.Attempts, maxAttempts)
	}
	return list
}
