// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// burden is what the handlers of an overloaded server do, and what bounds it.
type burden struct {
	name  string
	about string
	handling
}

func burdens() []burden {
	return []burden{
		{"tokens", "handlers take one of 4 tokens, such as connections to a database, for 5 ms", handling{wait: 5 * time.Millisecond, tokens: 4}},
		{"processor", "handlers compute for 1 ms; the server has one processor", handling{burn: time.Millisecond}},
	}
}

// flood is how a framework came through an overload.
type flood struct {
	Burden    string        `json:"burden"`
	Framework string        `json:"framework"`
	Peak      float64       `json:"peak_per_second"`    // answered in time, at the best load found
	Offered   float64       `json:"offered_per_second"` // calls begun
	Goodput   float64       `json:"goodput_per_second"` // answered in time, under that
	Part      float64       `json:"goodput_of_peak"`
	Calls     int           `json:"calls"`
	Refused   int           `json:"refused"` // failed, and not executed
	Late      int           `json:"late"`    // failed in any other way, mostly at their deadline
	RefusedP5 time.Duration `json:"refused_p50_ns"`
	RefusedP9 time.Duration `json:"refused_p99_ns"`
	Behind    time.Duration `json:"harness_p99_ns"` // how late the harness made calls
	Wasted    int           `json:"wasted"`         // executed, but nobody got the answer in time
}

const (
	clients  = 4 // each with connections of its own
	begun    = time.Second
	flooding = 5 * time.Second
	minPart  = 0.8
	maxNo    = 10 * time.Millisecond // for a refusal
)

// overload is the second part: ten times the load that a server can take.
func overload(ctx context.Context, args []string, w io.Writer) error {
	flags := flag.NewFlagSet("overload", flag.ContinueOnError)
	times := flags.Float64("times", 10, "the load, of what the server can take")
	timeout := flags.Duration("timeout", 200*time.Millisecond, "of a call")
	alone := flags.Bool("alone", false, "without rpcx")
	asJSON := flags.Bool("json", false, "print JSON instead of a table")
	if err := flags.Parse(args); err != nil {
		return err
	}
	fs := frameworks()
	if *alone {
		fs = fs[:1]
	}
	table := w
	if *asJSON {
		table = os.Stderr
	}
	fmt.Fprintf(table, "1 server, %d clients, %g times its capacity, deadlines of %v\n\n", clients, *times, *timeout)
	fmt.Fprintf(table, "%-10s %-5s %8s %8s %8s %7s %9s %8s %8s %8s %8s %8s\n", "bound by", "", "peak/s", "load/s", "good/s", "of peak", "refused", "in p50", "in p99", "late", "in vain", "harness")
	var floods []*flood
	var missed []string
	for _, b := range burdens() {
		for _, f := range fs {
			fl, err := b.flood(ctx, f, *times, *timeout)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", b.name, f, err)
			}
			floods = append(floods, fl)
			fmt.Fprintf(table, "%-10s %-5s %8.0f %8.0f %8.0f %5.0f %% %9d %8s %8s %8d %8d %8s\n", fl.Burden, fl.Framework,
				fl.Peak, fl.Offered, fl.Goodput, 100*fl.Part, fl.Refused, short(fl.RefusedP5), short(fl.RefusedP9), fl.Late, fl.Wasted, short(fl.Behind))
			if f == (ours{}) {
				missed = append(missed, fl.misses()...)
			}
		}
	}
	fmt.Fprint(table, `
peak     calls answered in time in a second, at the best load found
load     calls begun in a second
good     calls answered in time in a second, under that load
refused  calls that failed as not executed, and after what time
late     calls that were not answered in time, nor refused
in vain  calls that were executed and not answered in time
harness  how late the harness itself was, of 1 % of the calls: what the machine adds to all times

`)
	for _, b := range burdens() {
		fmt.Fprintf(table, "%-10s %s\n", b.name, b.about)
	}
	if *asJSON {
		if err := json.NewEncoder(w).Encode(floods); err != nil {
			return err
		}
	}
	return verdict(table, missed)
}

// misses lists what a flood should not be.
func (fl *flood) misses() (list []string) {
	if fl.Part < minPart {
		list = append(list, fmt.Sprintf("%s: goodput is %.0f %% of the peak, want at least %.0f %%", fl.Burden, 100*fl.Part, 100*minPart))
	}
	if fl.Refused > 0 && fl.RefusedP9 > maxNo+fl.Behind {
		list = append(list, fmt.Sprintf("%s: 1 %% of the refusals took more than %s, want at most %v, and the harness was late by %s",
			fl.Burden, short(fl.RefusedP9), maxNo, short(fl.Behind)))
	}
	return list
}

// flood measures a server of a framework.
func (b burden) flood(ctx context.Context, f framework, times float64, timeout time.Duration) (*flood, error) {
	c, err := startCluster(ctx, f, 1, b.handling)
	if err != nil {
		return nil, err
	}
	defer c.stop()
	callers := new(fleet)
	defer callers.close()
	for range clients {
		caller, err := f.open(c.addrs, mode{failMode: failfast})
		if err != nil {
			return nil, err
		}
		callers.list = append(callers.list, caller)
	}
	fl := &flood{Burden: b.name, Framework: f.String()}
	for _, concurrency := range []int{4, 8, 16} {
		fl.Peak = max(fl.Peak, closedLoop(ctx, callers, concurrency, timeout))
	}
	before := c.board.slots[0].executed.Load()
	l := newLoad(callers, c.board, 1, int(times*fl.Peak), timeout)
	l.start(ctx)
	pause(ctx, begun+flooding)
	fl.Offered = float64(l.begun.Load()) / time.Since(l.began).Seconds()
	l.end()
	fl.count(l)
	fl.Wasted = int(c.board.slots[0].executed.Load()-before) - fl.answered(l)
	return fl, ctx.Err()
}

// closedLoop makes calls with so many callers, each one after the other, and returns how
// many were answered in a second.
func closedLoop(ctx context.Context, c caller, concurrency int, timeout time.Duration) float64 {
	const lasting = 1500 * time.Millisecond
	began := time.Now()
	var answered atomic.Int64
	var callers sync.WaitGroup
	for range concurrency {
		callers.Go(func() {
			for time.Since(began) < lasting && ctx.Err() == nil {
				ctx, cancel := context.WithTimeout(ctx, timeout)
				if _, err := c.call(ctx, maxCalls); err == nil { // an id that is not counted
					answered.Add(1)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	return float64(answered.Load()) / time.Since(began).Seconds()
}

// count sums up the calls after the first second.
func (fl *flood) count(l *load) {
	var refused, behind []time.Duration
	answered := 0
	for id := int(float64(l.rate) * begun.Seconds()); id < int(l.begun.Load()); id++ {
		fl.Calls++
		r := &l.records[id]
		behind = append(behind, r.took-r.own)
		switch outcome(r.outcome.Load()) {
		case good:
			answered++
		case definite:
			refused = append(refused, r.own)
		default:
			fl.Late++
		}
	}
	fl.Goodput = float64(answered) / (float64(fl.Calls) / float64(l.rate))
	fl.Part = fl.Goodput / fl.Peak
	if len(behind) > 0 {
		slices.Sort(behind)
		fl.Behind = behind[len(behind)*99/100]
	}
	if fl.Refused = len(refused); fl.Refused > 0 {
		slices.Sort(refused)
		fl.RefusedP5, fl.RefusedP9 = refused[len(refused)/2], refused[len(refused)*99/100]
	}
}

// answered returns how many calls were, the first second included.
func (fl *flood) answered(l *load) (n int) {
	for id := range int(l.begun.Load()) {
		if outcome(l.records[id].outcome.Load()) == good {
			n++
		}
	}
	return n
}

// fleet is several clients that take turns.
type fleet struct {
	list []caller
	next atomic.Uint32
}

func (f *fleet) call(ctx context.Context, id uint64) (uint64, error) {
	return f.list[int(f.next.Add(1))%len(f.list)].call(ctx, id)
}

func (f *fleet) judge(err error) outcome { return f.list[0].judge(err) }

func (f *fleet) attempts() (n int64) {
	for _, c := range f.list {
		n += c.attempts()
	}
	return n
}

func (f *fleet) close() {
	for _, c := range f.list {
		c.close()
	}
}
