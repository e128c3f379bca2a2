// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// plan is what a run is to measure: in every cell its peers, in rounds.
type plan struct {
	peers     []peer
	cells     []cell
	rounds    int
	timing    timing
	noise     float64 // share of the processors that others may take; over that is measured again
	profiles  string  // folder for profiles; empty: none
	idle      int     // connections to leave idle at the end; 0: none
	idleCalls int     // calls on each of them before; 0: 1
}

// overhead is how long it takes to start and end the processes of a measurement.
const overhead = 350 * time.Millisecond

// turns returns how many measurements the plan has, and how long they may take.
func (p *plan) turns() (int, time.Duration) {
	n := 0
	for _, c := range p.cells {
		n += p.rounds * len(c.of(p.peers))
	}
	takes := time.Duration(n) * (p.timing.warmup + p.timing.duration + overhead)
	if p.idle > 0 {
		takes += time.Duration(len(idlePeers(p.peers))) * idleTakes
	}
	return n, takes
}

// run measures. It tells w of each measurement, and goes on if one fails.
func (p *plan) run(ctx context.Context, w io.Writer, done func(*measurement) error) error {
	total, _ := p.turns()
	began := time.Now()
	n := 0
	var failed error
	for _, c := range p.cells {
		s := c.scenario
		for round := range p.rounds {
			for _, who := range c.of(p.peers) {
				n++
				m, err := quietest(p.noise, w, func() (*measurement, error) { return p.measure(ctx, who, s, round+1) })
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				left := time.Since(began) / time.Duration(n) * time.Duration(total-n)
				fmt.Fprintf(w, "[%*d/%d] %-12s round %d  %-15s %s  %v left\n",
					len(fmt.Sprint(total)), n, total, s, round+1, who.name, outcome(m, err), left.Round(time.Second))
				if err != nil {
					failed = errors.Join(failed, fmt.Errorf("%s %s: %w", who.name, s, err))
					continue
				}
				if err := done(m); err != nil {
					return err
				}
			}
		}
	}
	return failed
}

// outcome is a measurement in one line.
func outcome(m *measurement, err error) string {
	if err != nil {
		return fmt.Sprintf("FAILED: %v;", err)
	}
	text := fmt.Sprintf("%8s/s  p50 %7s  %6s µs CPU/call", formatCount(m.Throughput), formatMicros(m.P50), formatNumber(m.cpu()))
	if m.Errors > 0 {
		text += fmt.Sprintf("  %d ERRORS: %s", m.Errors, m.FirstError)
	}
	return text
}

// retries is how often a measurement is made again that others have disturbed.
const retries = 3

// quietest makes a measurement until others did not disturb one, and returns the least
// disturbed.
func quietest(noise float64, w io.Writer, measure func() (*measurement, error)) (best *measurement, err error) {
	for try := 0; ; try++ {
		m, err := measure()
		switch {
		case err != nil && best != nil:
			return best, nil
		case err != nil:
			return nil, err
		case best == nil || m.Disturbed < best.Disturbed:
			best = m
		}
		if m.Disturbed <= noise || try == retries {
			return best, nil
		}
		fmt.Fprintf(w, "  others took %.0f %% of the processors: %s again\n", 100*m.Disturbed, m.Peer)
	}
}

// printDisturbed tells of measurements that others have disturbed every time.
func (p *plan) printDisturbed(w io.Writer, all []*measurement) {
	n := 0
	for _, m := range all {
		if m.Disturbed > p.noise {
			n++
		}
	}
	if n > 0 {
		fmt.Fprintf(w, "\ndisturbed: in %d of %d measurements others took more than %.0f %% of the processors, though they were made %d times\n",
			n, len(all), 100*p.noise, retries+1)
	}
}

// measure makes one measurement with a server and a client of its own.
func (p *plan) measure(ctx context.Context, who peer, s scenario, round int) (*measurement, error) {
	limit := p.timing.warmup + 2*p.timing.duration + 2*gracePeriod + time.Duration(s.Conns)*10*time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	before := spentSoFar()
	srv, err := startServer(ctx, who, s.Delay)
	if err != nil {
		return nil, err
	}
	args := []string{
		"client", "-peer", who.name, "-addr", srv.Addr, "-control", srv.Control,
		"-callers", fmt.Sprint(s.Callers), "-conns", fmt.Sprint(s.Conns), "-delay", s.Delay.String(),
		"-payload", fmt.Sprint(s.Payload), "-rate", fmt.Sprint(s.Rate),
		"-warmup", p.timing.warmup.String(), "-duration", p.timing.duration.String(),
	}
	if p.profiles != "" {
		name := strings.NewReplacer("/", "-", " ", "-").Replace(fmt.Sprintf("%s-%s-%d", who.name, s, round))
		args = append(args, "-profile", filepath.Join(p.profiles, name))
	}
	m := new(measurement)
	err = runSelf(ctx, m, args...)
	if err := errors.Join(err, srv.stop()); err != nil {
		return nil, err
	}
	m.Round, m.Disturbed = round, spentSoFar().disturbance(before)
	return m, nil
}

// runCommand compares peers.
func runCommand(ctx context.Context, args []string, std stdio) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(std.err)
	var o runOptions
	o.register(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	p, err := o.plan(flags)
	if err != nil {
		return err
	}
	return p.report(ctx, &o, commandLine(flags), std)
}

// report measures, and prints and saves what comes out.
func (p *plan) report(ctx context.Context, o *runOptions, command string, std stdio) (err error) {
	var out resultFile
	if o.json != "" {
		if out, err = createResults(o.json); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, out.close()) }()
	}
	n, takes := p.turns()
	res := results{Environment: environmentOf(p.peers, command)}
	fmt.Fprintf(std.err, "%d measurements, about %v, until %s\n", n, takes.Round(time.Second), time.Now().Add(takes).Format("15:04"))
	if err := out.write(line{Environment: &res.Environment}); err != nil {
		return err
	}
	failed := p.run(ctx, std.err, func(m *measurement) error {
		res.Measurements = append(res.Measurements, m)
		return out.write(m)
	})
	if p.idle > 0 && ctx.Err() == nil {
		failed = errors.Join(failed, p.runIdle(ctx, std.err, func(m *idleCost) error {
			res.Idle = append(res.Idle, m)
			return out.write(line{Idle: m})
		}))
	}
	fmt.Fprintln(std.out, res.Environment.String())
	sum := summarize(res.Measurements, o.reference(p.peers))
	if err := printTables(std.out, sum, p); err != nil {
		return err
	}
	p.printDisturbed(std.out, res.Measurements)
	printIdle(std.out, res.Idle)
	printTargets(std.out, &res)
	if o.svg != "" {
		failed = errors.Join(failed, os.WriteFile(o.svg, drawChart(sum, &res.Environment), 0o666))
	}
	return failed
}
