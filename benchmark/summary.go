// SPDX-License-Identifier: Apache-2.0

package main

import "slices"

// summary is what the measurements of a run come to.
type summary struct {
	reference string // the peer that the others are compared with
	groups    []group
}

// group is the peers in one scenario.
type group struct {
	scenario scenario
	rows     []row
}

// row is one peer in one scenario: the median over the rounds of each figure, and
// the median of what the figure is to that of the reference in the same round.
type row struct {
	measurement
	rounds int
	ratio  ratios
}

// ratios are to the reference; 0 where there is none.
type ratios struct{ throughput, p50, p99, cpu float64 }

// summarize groups measurements, in the order in which scenarios and peers come.
func summarize(all []*measurement, reference string) *summary {
	sum := &summary{reference: reference}
	for _, s := range distinct(all, func(m *measurement) scenario { return m.scenario }) {
		of := filter(all, func(m *measurement) bool { return m.scenario == s })
		g := group{scenario: s}
		for _, name := range distinct(of, func(m *measurement) string { return m.Peer }) {
			rounds := filter(of, func(m *measurement) bool { return m.Peer == name })
			g.rows = append(g.rows, newRow(rounds, filter(of, func(m *measurement) bool { return m.Peer == reference })))
		}
		sum.groups = append(sum.groups, g)
	}
	return sum
}

func newRow(rounds, reference []*measurement) row {
	r := row{measurement: *rounds[0], rounds: len(rounds)}
	of := func(figure func(*measurement) float64) float64 {
		values := make([]float64, len(rounds))
		for i, m := range rounds {
			values[i] = figure(m)
		}
		return median(values)
	}
	r.Throughput = of(func(m *measurement) float64 { return m.Throughput })
	r.Mean = of(func(m *measurement) float64 { return m.Mean })
	r.P50 = of(func(m *measurement) float64 { return m.P50 })
	r.P99 = of(func(m *measurement) float64 { return m.P99 })
	r.P999 = of(func(m *measurement) float64 { return m.P999 })
	r.Max = of(func(m *measurement) float64 { return m.Max })
	for _, side := range []struct {
		to   *perCall
		from func(*measurement) *perCall
	}{
		{&r.Client, func(m *measurement) *perCall { return &m.Client }},
		{&r.Server, func(m *measurement) *perCall { return &m.Server }},
	} {
		side.to.CPU = of(func(m *measurement) float64 { return side.from(m).CPU })
		side.to.Allocs = of(func(m *measurement) float64 { return side.from(m).Allocs })
		side.to.Bytes = of(func(m *measurement) float64 { return side.from(m).Bytes })
		side.to.RSS = of(func(m *measurement) float64 { return side.from(m).RSS })
	}
	r.Calls, r.Errors, r.Unfinished = 0, 0, 0
	for _, m := range rounds {
		r.Calls += m.Calls
		r.Errors += m.Errors
		r.Unfinished += m.Unfinished
		if r.FirstError == "" {
			r.FirstError = m.FirstError
		}
	}
	r.ratio = ratios{
		throughput: ratio(rounds, reference, func(m *measurement) float64 { return m.Throughput }),
		p50:        ratio(rounds, reference, func(m *measurement) float64 { return m.P50 }),
		p99:        ratio(rounds, reference, func(m *measurement) float64 { return m.P99 }),
		cpu:        ratio(rounds, reference, (*measurement).cpu),
	}
	return r
}

// ratio returns the median of the ratios of a figure within each round.
func ratio(rounds, reference []*measurement, figure func(*measurement) float64) float64 {
	var values []float64
	for _, m := range rounds {
		for _, ref := range reference {
			if ref.Round == m.Round && figure(ref) > 0 {
				values = append(values, figure(m)/figure(ref))
			}
		}
	}
	return median(values)
}

// median returns the median, 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// distinct returns the different keys, in the order in which they come.
func distinct[K comparable](all []*measurement, key func(*measurement) K) []K {
	var keys []K
	for _, m := range all {
		if k := key(m); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

func filter(all []*measurement, keep func(*measurement) bool) []*measurement {
	var kept []*measurement
	for _, m := range all {
		if keep(m) {
			kept = append(kept, m)
		}
	}
	return kept
}
