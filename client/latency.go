// SPDX-License-Identifier: Apache-2.0

package client

import (
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
)

const (
	firstLatency = 10 * time.Millisecond // what is assumed of a method before its first call
	leastLatency = time.Millisecond      // timers are not good for less
	maxLatencies = 1024                  // methods; further ones share one estimate
	quantile     = 0.95
	latencyStep  = 0.1 // how far one call moves the estimate
)

// latencies estimate how long 95 % of the calls of each method take at most. Only
// clients under Failbackup have them.
type latencies struct {
	mu       sync.Mutex // guards byMethod
	byMethod map[methodName]*latency
	others   latency
}

// latency follows a quantile without keeping samples: each call that took longer moves
// the estimate up, each that did not moves it down, in the proportion in which there are
// as many of them as the quantile says.
type latency struct {
	mu       sync.Mutex // guards estimate
	estimate float64    // nanoseconds; 0: no call yet
}

func (l *latencies) of(call *rpcx.Call) *latency {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := methodName{call.Service, call.Method}
	m := l.byMethod[name]
	if m == nil {
		if len(l.byMethod) >= maxLatencies {
			return &l.others
		}
		if l.byMethod == nil {
			l.byMethod = make(map[methodName]*latency)
		}
		m = new(latency)
		l.byMethod[name] = m
	}
	return m
}

// observe notes how long a call took; for one that was given up, how long it had taken
// until then.
func (l *latency) observe(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch t := float64(max(took, 1)); {
	case l.estimate == 0:
		l.estimate = t
	case t > l.estimate:
		l.estimate *= 1 + latencyStep*quantile
	default:
		l.estimate *= 1 - latencyStep*(1-quantile)
	}
}

// p95 returns what 95 % of the calls take at most.
func (l *latency) p95() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.estimate == 0 {
		return firstLatency
	}
	return max(time.Duration(l.estimate), leastLatency)
}
