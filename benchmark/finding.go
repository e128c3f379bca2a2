// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io"
)

// finding is what a run shows about a target.
type finding struct {
	value float64
	to    string // the peer that value is relative to
}

func byThroughput(m *measurement) float64 { return m.Throughput }

// byP50 returns what the median call takes beyond what its handler does.
func byP50(m *measurement) float64 { return m.P50 - micros(m.Delay) }

// ratioTo finds the ratio of a peer's figure to that of the one among others that does
// best against it: the median of the ratios within each round.
func ratioTo(s scenario, peer string, others []string, g goal, figure func(*measurement) float64) func(*results) *finding {
	return func(res *results) (found *finding) {
		for _, other := range others {
			r := ratio(res.of(s, peer), res.of(s, other), figure)
			if r != 0 && (found == nil || (r < found.value) == g.least) {
				found = &finding{r, other}
			}
		}
		return found
	}
}

// side is the server or the client.
type side struct {
	name string
	of   func(*measurement) *perCall
	idle func(*idleCost) *perConn
}

func bothSides() []side {
	return []side{
		{"server", func(m *measurement) *perCall { return &m.Server }, func(c *idleCost) *perConn { return &c.Server }},
		{"client", func(m *measurement) *perCall { return &m.Client }, func(c *idleCost) *perConn { return &c.Client }},
	}
}

// allocsBeyond finds how many objects a call allocates beside those of the codec and of
// the benchmark itself, which are all that limit-c has.
func allocsBeyond(s scenario, on side) func(*results) *finding {
	return func(res *results) *finding {
		of := func(peer string) (values []float64) {
			for _, m := range res.of(s, peer) {
				values = append(values, on.of(m).Allocs)
			}
			return values
		}
		own, limit := of("ours"), of("limit-c")
		if len(own) == 0 || len(limit) == 0 {
			return nil
		}
		return &finding{median(own) - median(limit), "limit-c"}
	}
}

// sharing is this project as programs have it that keep many connections: in one client.
const sharing = "ours-shared"

// idleMemory finds the KiB that an idle connection of this project takes.
func idleMemory(on side) func(*results) *finding {
	return func(res *results) *finding {
		if own := res.idleOf(sharing); own != nil {
			return &finding{value: on.idle(own).total() / 1024}
		}
		return nil
	}
}

// idleRatio finds what that is to the smallest of the other frameworks.
func idleRatio(on side) func(*results) *finding {
	return func(res *results) (found *finding) {
		own := res.idleOf(sharing)
		for _, name := range frameworks() {
			other := res.idleOf(name)
			if own == nil || other == nil {
				continue
			}
			if r := on.idle(own).total() / on.idle(other).total(); found == nil || r > found.value {
				found = &finding{r, name}
			}
		}
		return found
	}
}

// printTargets prints which targets were reached, of those that were measured.
func printTargets(w io.Writer, res *results) {
	t := &table{cells: [][]string{{"", "target", "measured", "to", ""}}}
	reached, all := 0, allTargets()
	for _, target := range all {
		found := target.find(res)
		if found == nil {
			continue
		}
		verdict := "not reached"
		if target.goal.reached(found.value) {
			verdict = "reached"
			reached++
		}
		t.cells = append(t.cells, []string{
			target.what, target.goal.String(), formatNumber(found.value) + target.goal.unit, found.to, verdict,
		})
	}
	if measured := len(t.cells) - 1; measured > 0 {
		fmt.Fprintf(w, "\ntargets: %d of %d reached, %d not measured\n\n%s", reached, measured, len(all)-measured, t)
	}
}

// targetsCommand holds a saved run to the targets.
func targetsCommand(args []string, std stdio) error {
	flags := flag.NewFlagSet("targets", flag.ContinueOnError)
	flags.SetOutput(std.err)
	file := flags.String("json", "", "`FILE` that run -json has written")
	if err := flags.Parse(args); err != nil {
		return err
	}
	res, err := readResults(*file)
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, res.Environment.String())
	printTargets(std.out, res)
	return nil
}
