// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"slices"
	"time"
)

// scenario is a fault under a fail mode.
type scenario struct {
	fault fault
	mode  mode
}

// setting is what all scenarios of a run have in common.
type setting struct {
	servers int
	rate    int
	timeout time.Duration
	work    time.Duration // what a handler takes
}

// result is how a framework came through a scenario.
type result struct {
	Fault     string `json:"fault"`
	Mode      string `json:"mode"`
	Framework string `json:"framework"`

	Rate     float64           `json:"calls_per_second"` // begun
	Calls    int               `json:"calls"`
	Failed   int               `json:"failed"`      // the sum of what follows
	Definite int               `json:"definite"`    // the error says that it was not executed
	Unknown  int               `json:"unknown"`     // the error says that it may have been
	Late     int               `json:"late"`        // its deadline passed
	Unclear  int               `json:"unclear"`     // the error says none of this
	Wrong    int               `json:"wrong"`       // success, with another call's answer or none
	Hung     int               `json:"hung"`        // it did not end long after its deadline
	Untrue   int               `json:"untrue"`      // of the definite: it was executed all the same
	Lost     int               `json:"lost"`        // success, but no server executed it
	Twice    int               `json:"twice"`       // executed more than once
	Worst    time.Duration     `json:"worst_ns"`    // from when a call was due
	P99      time.Duration     `json:"p99_ns"`      // likewise
	Attempts float64           `json:"attempts"`    // for each call, while the fault lasted
	Recovery time.Duration     `json:"recovery_ns"` // from the end of the fault
	Healed   bool              `json:"recovered"`   // within the limit
	Errors   map[string]string `json:"errors,omitempty"`
}

const (
	warmUp = 700 * time.Millisecond
	// patience is how long a recovery is waited for.
	patience = 10 * time.Second
)

// run puts a framework through a scenario.
func (s setting) run(ctx context.Context, f framework, sc scenario) (*result, error) {
	c, err := startCluster(ctx, f, s.servers, handling{wait: s.work})
	if err != nil {
		return nil, err
	}
	defer c.stop()
	caller, err := f.open(c.addrs, sc.mode)
	if err != nil {
		return nil, err
	}
	defer caller.close()
	l := newLoad(caller, c.board, s.servers, s.rate, s.timeout)
	l.start(ctx)
	pause(ctx, warmUp)
	callsBefore, sentBefore, arrivedBefore := l.begun.Load(), caller.attempts(), c.arrived()
	err = sc.fault.run(ctx, c)
	over := time.Now()
	calls, sent, arrived := l.begun.Load()-callsBefore, caller.attempts()-sentBefore, c.arrived()-arrivedBefore
	if err != nil {
		l.end()
		return nil, err
	}
	r := &result{Fault: sc.fault.name, Mode: sc.mode.String(), Framework: f.String()}
	r.Recovery, r.Healed = l.recovery(ctx, over, patience)
	r.Rate = float64(l.begun.Load()) / time.Since(l.began).Seconds()
	l.end()
	r.Attempts = float64(max(sent, arrived)) / float64(max(calls, 1))
	r.count(l)
	return r, ctx.Err()
}

// count sums up how the calls ended.
func (r *result) count(l *load) {
	r.Calls = int(l.begun.Load())
	var took []time.Duration
	for id := range r.Calls {
		rec, executed := &l.records[id], l.board.executed[id].Load()
		o := outcome(rec.outcome.Load())
		switch o {
		case pending:
			r.Hung++
		case good:
			if executed == 0 {
				r.Lost++
			}
		case wrong:
			r.Wrong++
		case definite:
			r.Definite++
			if executed > 0 {
				r.Untrue++
			}
		case unknown:
			r.Unknown++
		case late:
			r.Late++
		default:
			r.Unclear++
		}
		if o != pending {
			took = append(took, rec.took)
		}
		if executed > 1 {
			r.Twice++
		}
	}
	r.Failed = r.Definite + r.Unknown + r.Late + r.Unclear + r.Wrong + r.Hung
	if len(took) > 0 {
		slices.Sort(took)
		r.Worst, r.P99 = took[len(took)-1], took[len(took)*99/100]
	}
	r.Errors = make(map[string]string)
	l.mu.Lock()
	defer l.mu.Unlock()
	for o, text := range l.texts {
		r.Errors[o.String()] = text
	}
}
