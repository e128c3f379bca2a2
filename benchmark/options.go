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
	rate, idle                       int
	rounds                           int
	noise                            float64
	warmup, duration                 time.Duration
	ratio                            string
	json, svg, profiles              string
}

func (o *runOptions) register(flags *flag.FlagSet) {
	o.registerOutput(flags)
	flags.BoolVar(&o.quick, "quick", false, "half a minute: two scenarios, two short rounds, the main peers")
	flags.StringVar(&o.callers, "callers", "500", "`numbers` of goroutines that call")
	flags.StringVar(&o.conns, "conns", "10", "`numbers` of connections that they share; each: one per caller")
	flags.StringVar(&o.delays, "delay", "0", "`times` that the handler takes")
	flags.StringVar(&o.payloads, "payload", "0", "`bytes` of payload, as 16, 64K or 1M; 0: the 581-byte message")
	flags.IntVar(&o.rate, "rate", 0, "calls to begin per second, however long they take; 0: closed loop")
	flags.IntVar(&o.idle, "idle", 0, "`number` of idle connections whose memory is measured at the end; the suite: 1000")
	flags.IntVar(&o.rounds, "rounds", 5, "measurements of each peer in each scenario")
	flags.DurationVar(&o.duration, "duration", time.Second, "time that is recorded of each measurement")
	flags.DurationVar(&o.warmup, "warmup", 0, "time before that; 0: 30 % of it, at least 300ms")
	flags.Float64Var(&o.noise, "noise", 0.15, "`share` of the processors that others may take; a measurement with more is made again, up to three times")
	flags.StringVar(&o.ratio, "ratio", "", "the `peer` that others are compared with; empty: rpcx, or the first")
	flags.StringVar(&o.svg, "svg", "", "draw throughput and latency over the number of callers into `FILE`")
}

// registerOutput adds the flags that idle has as well.
func (o *runOptions) registerOutput(flags *flag.FlagSet) {
	flags.StringVar(&o.peers, "peers", "", "`names`, with commas between; empty: all (see benchmark peers)")
	flags.StringVar(&o.json, "json", "", "write every measurement to `FILE`, a line of JSON each")
	flags.StringVar(&o.profiles, "profiles", "", "write profiles of both sides into `FOLDER`")
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
		var scenarios []scenario
		scenarios, err = cross(o.callers, o.conns, o.delays, o.payloads, o.rate)
		p.cells = everybody(scenarios)
	case o.quick:
		p.cells = everybody(quickSuite())
	default:
		p.cells = suite()
		if !given["idle"] {
			o.idle = idleConns
		}
	}
	p.idle = o.idle
	if o.quick {
		o.hurry(given)
	}
	p.rounds, p.noise = o.rounds, o.noise
	p.timing = timing{o.warmup, o.duration}
	if p.timing.warmup == 0 {
		p.timing.warmup = max(p.timing.duration*3/10, 300*time.Millisecond)
	}
	if err := errors.Join(err, o.setPeers(p)); err != nil {
		return nil, err
	}
	return p, o.check(p)
}

// setPeers sets who is measured, and makes the folder for profiles.
func (o *runOptions) setPeers(p *plan) (err error) {
	p.peers = allPeers()
	if o.peers != "" {
		p.peers, err = peersNamed(o.peers)
	}
	if err == nil && o.profiles != "" {
		err = os.MkdirAll(o.profiles, 0o777)
	}
	return err
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
	case p.noise <= 0:
		return fmt.Errorf("-noise %v: want a share, as 0.15; 1 for any", p.noise)
	case p.idle < 0:
		return fmt.Errorf("-idle %d: negative", p.idle)
	case p.timing.duration < 10*time.Millisecond || p.timing.warmup < 0:
		return fmt.Errorf("-duration %v -warmup %v: too short", p.timing.duration, p.timing.warmup)
	case o.ratio != "" && !contains(p.peers, o.ratio):
		return fmt.Errorf("-ratio %s: that peer is not measured", o.ratio)
	}
	if n, _ := p.turns(); n == 0 {
		return fmt.Errorf("none of the peers can do %s", strings.Join(names(p.cells), ", "))
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

func names(cells []cell) []string {
	all := make([]string, len(cells))
	for i, c := range cells {
		all[i] = c.String()
	}
	return all
}

// commandLine returns the command that measures the same, without the flags that say
// where results are to go.
func commandLine(flags *flag.FlagSet) string {
	command := "go run . " + flags.Name()
	flags.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "json", "svg", "profiles":
		default:
			command += fmt.Sprintf(" -%s=%s", f.Name, f.Value)
		}
	})
	return command
}
