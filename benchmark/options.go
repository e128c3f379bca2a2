// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// runOptions are the flags of the run command.
type runOptions struct {
	quick                            bool
	peers                            string
	callers, conns, delays, payloads string
	rate                             int
	rounds                           int
	warmup, duration                 time.Duration
	ratio                            string
	json, svg, profiles              string
}

func (o *runOptions) register(flags *flag.FlagSet) {
	flags.BoolVar(&o.quick, "quick", false, "half a minute: two scenarios, two short rounds, the main peers")
	flags.StringVar(&o.peers, "peers", "", "`names`, with commas between; empty: all (see benchmark peers)")
	flags.StringVar(&o.callers, "callers", "500", "`numbers` of goroutines that call")
	flags.StringVar(&o.conns, "conns", "10", "`numbers` of connections that they share; each: one per caller")
	flags.StringVar(&o.delays, "delay", "0", "`times` that the handler takes")
	flags.StringVar(&o.payloads, "payload", "0", "`bytes` of payload, as 16, 64K or 1M; 0: the 581-byte message")
	flags.IntVar(&o.rate, "rate", 0, "calls to begin per second, however long they take; 0: closed loop")
	flags.IntVar(&o.rounds, "rounds", 3, "measurements of each peer in each scenario")
	flags.DurationVar(&o.duration, "duration", time.Second, "time that is recorded of each measurement")
	flags.DurationVar(&o.warmup, "warmup", 0, "time before that; 0: 30 % of it, at least 300ms")
	flags.StringVar(&o.ratio, "ratio", "", "the `peer` that others are compared with; empty: rpcx, or the first")
	flags.StringVar(&o.json, "json", "", "write every measurement to `FILE`, a line of JSON each")
	flags.StringVar(&o.svg, "svg", "", "draw throughput and p99 over the number of callers into `FILE`")
	flags.StringVar(&o.profiles, "profiles", "", "write profiles of both sides, CPU and allocations, into `FOLDER`")
}

// plan returns what the flags ask for. Without one that says what to measure that
// is the suite.
func (o *runOptions) plan(flags *flag.FlagSet) (*plan, error) {
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("run takes flags only, not %q", flags.Arg(0))
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	p := &plan{profiles: o.profiles}
	var err error
	switch {
	case given["callers"] || given["conns"] || given["delay"] || given["payload"] || given["rate"]:
		p.scenarios, err = cross(o.callers, o.conns, o.delays, o.payloads, o.rate)
	case o.quick:
		p.scenarios = quickSuite()
	default:
		p.scenarios = suite()
	}
	if o.quick {
		o.hurry(given)
	}
	p.rounds = o.rounds
	p.timing = timing{o.warmup, o.duration}
	if p.timing.warmup == 0 {
		p.timing.warmup = max(p.timing.duration*3/10, 300*time.Millisecond)
	}
	var errPeers, errProfiles error
	p.peers = allPeers()
	if o.peers != "" {
		p.peers, errPeers = peersNamed(o.peers)
	}
	if o.profiles != "" {
		errProfiles = os.MkdirAll(o.profiles, 0o777)
	}
	if err := errors.Join(err, errPeers, errProfiles); err != nil {
		return nil, err
	}
	return p, o.check(p)
}

// hurry sets what was not given to what -quick means.
func (o *runOptions) hurry(given map[string]bool) {
	if !given["peers"] {
		o.peers = "ours,rpcx,grpc,netrpc,arpc,kitex,limit-c"
	}
	if !given["rounds"] {
		o.rounds = 2
	}
	if !given["duration"] {
		o.duration = 600 * time.Millisecond
	}
}

func (o *runOptions) check(p *plan) error {
	switch {
	case p.rounds < 1:
		return fmt.Errorf("-rounds %d: at least one is needed", p.rounds)
	case p.timing.duration < 10*time.Millisecond || p.timing.warmup < 0:
		return fmt.Errorf("-duration %v -warmup %v: too short", p.timing.duration, p.timing.warmup)
	case o.ratio != "" && !contains(p.peers, o.ratio):
		return fmt.Errorf("-ratio %s: that peer is not measured", o.ratio)
	}
	if n, _ := p.turns(); n == 0 {
		return fmt.Errorf("none of the peers can do %s", strings.Join(names(p.scenarios), ", "))
	}
	return nil
}

// reference returns the name of the peer that the others are compared with.
func (o *runOptions) reference(ps []peer) string {
	switch {
	case o.ratio != "":
		return o.ratio
	case contains(ps, "rpcx"):
		return "rpcx"
	default:
		return ps[0].name
	}
}

func contains(ps []peer, name string) bool {
	for _, p := range ps {
		if p.name == name {
			return true
		}
	}
	return false
}

func names(scenarios []scenario) []string {
	all := make([]string, len(scenarios))
	for i, s := range scenarios {
		all[i] = s.String()
	}
	return all
}
