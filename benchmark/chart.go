// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"flag"
	"fmt"
	"html"
	"os"
	"slices"
	"strings"
)

// Sizes of a chart, in pixels. It is as wide as a page of text, so that it is shown at
// its own size and its letters as large as the page's.
const (
	chartWidth = 800
	plotHeight = 250
	panelHead  = 34
	panelFoot  = 50
	rowHead    = 34
	rowHeight  = rowHead + 2*(panelHead+plotHeight+panelFoot)
	chartFoot  = 66
)

// chartRow is three panels: throughput and latencies over the number of callers, for
// scenarios that are alike otherwise.
type chartRow struct {
	title   string
	callers []int // the axis
	groups  []group
}

// drawChart returns a picture of the scenarios that can be put on a line, as SVG. It
// follows the reader's wish for dark or light, and brings its own background.
func drawChart(sum *summary, env *environment) []byte {
	rows := chartRows(sum)
	height := len(rows)*rowHeight + chartFoot
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n",
		chartWidth, height, chartWidth, height)
	b.WriteString(styleSheet(sum))
	fmt.Fprintf(&b, `<rect class="paper" width="%d" height="%d"/>`+"\n", chartWidth, height)
	for i, r := range rows {
		y := float64(i * rowHeight)
		text(&b, 16, y+30, `class="ink" font-size="17" font-weight="bold"`, r.title)
		y += rowHead
		throughput := panel{title: "calls per second (more is better)", figure: byThroughput, format: axisCount, left: 62, width: 610}
		throughput.draw(&b, r, y)
		y += panelHead + plotHeight + panelFoot
		p50 := panel{title: "p50 latency (less is better)", figure: func(m *measurement) float64 { return m.P50 }, format: axisMicros, left: 62, width: 245}
		p50.draw(&b, r, y)
		p99 := panel{title: "p99 latency (less is better)", figure: func(m *measurement) float64 { return m.P99 }, format: axisMicros, left: 458, width: 245}
		p99.draw(&b, r, y)
	}
	for i, caption := range env.captions() {
		text(&b, 16, float64(height-chartFoot+14+17*i), `class="pale" font-size="12"`, caption)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// chartRows returns the rows that a chart of sum has: those with the most numbers of
// callers.
func chartRows(sum *summary) []chartRow {
	type key struct {
		conns int // 0: one per caller
		rest  scenario
	}
	keyOf := func(s scenario) key {
		k := key{conns: s.Conns, rest: s}
		if s.Conns == s.Callers {
			k.conns = 0
		}
		k.rest.Callers, k.rest.Conns = 0, 0
		return k
	}
	var keys []key
	for _, g := range sum.groups {
		if k := keyOf(g.scenario); !slices.Contains(keys, k) && !single(g.scenario) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 && len(sum.groups) > 0 {
		keys = append(keys, keyOf(sum.groups[0].scenario))
	}
	var rows []chartRow
	most := 0
	for _, k := range keys {
		r := chartRow{}
		for _, g := range sum.groups {
			if keyOf(g.scenario) == k {
				r.groups = append(r.groups, g)
				r.callers = append(r.callers, g.scenario.Callers)
			}
		}
		for _, g := range sum.groups { // one caller has no use for more than one connection
			if single(g.scenario) && keyOf(g.scenario).rest == k.rest && !slices.Contains(r.callers, 1) {
				r.groups = append(r.groups, g)
				r.callers = append(r.callers, 1)
			}
		}
		r.title = rowTitle(r.groups[0].scenario, k.conns)
		slices.Sort(r.callers)
		r.callers = slices.Compact(r.callers)
		rows = append(rows, r)
		most = max(most, len(r.callers))
	}
	return slices.DeleteFunc(rows, func(r chartRow) bool { return len(r.callers) < most })
}

// single reports whether one caller has one connection.
func single(s scenario) bool { return s.Callers == 1 && s.Conns == 1 }

func rowTitle(s scenario, conns int) string {
	words := strings.Split(s.describe(), ", ")
	words[1] = plural(conns, "connection")
	if conns == 0 {
		words[1] = "a connection per caller"
	}
	return strings.Join(words[1:], ", ")
}

// panel is one diagram.
type panel struct {
	title       string
	figure      func(*measurement) float64
	format      func(float64) string
	left, width float64 // of the plot; the numbers stand before it, the names behind
}

// point is where a line passes, and what is there.
type point struct{ x, y, value float64 }

// draw draws the panel below y. The axis of values is logarithmic: equal factors are
// equal distances.
func (p panel) draw(b *strings.Builder, r chartRow, y float64) {
	top := y + panelHead
	all := p.series(r)
	axis := newAxis(all)
	at := func(v float64) float64 { return top + plotHeight*(1-axis.position(v)) }
	text(b, p.left, top-12, `class="ink" font-weight="bold"`, p.title)
	for _, v := range axis.ticks() {
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", p.left, at(v), p.left+p.width, at(v))
		text(b, p.left-7, at(v)+4, `class="pale" text-anchor="end"`, p.format(v))
	}
	const inset = 16
	step := (p.width - 2*inset) / float64(max(len(r.callers)-1, 1))
	across := func(callers int) float64 { return p.left + inset + step*float64(slices.Index(r.callers, callers)) }
	for _, c := range r.callers {
		text(b, across(c), top+plotHeight+18, `class="pale" text-anchor="middle"`, fmt.Sprint(c))
	}
	text(b, p.left+p.width/2, top+plotHeight+36, `class="pale" text-anchor="middle"`, "concurrent callers")

	var labels []label
	for _, s := range slices.Backward(all) { // so that this project's line lies on top
		for j := range s.points {
			s.points[j].x, s.points[j].y = across(int(s.points[j].x)), at(s.points[j].value)
		}
		styleOf(s.name).line(b, s.name, s.points)
		last := s.points[len(s.points)-1]
		labels = append(labels, label{s.name, last.x, last.y, last.y})
	}
	drawLabels(b, labels, p.left+p.width+8, top, top+plotHeight)
}

// series is the points of a peer, from left to right.
type series struct {
	name   string
	points []point
}

// series returns a series for each peer that was in half of the scenarios at least, with
// the number of callers as x.
func (p panel) series(r chartRow) []series {
	var all []series
	for _, g := range r.groups {
		for i := range g.rows {
			row := &g.rows[i]
			v := p.figure(&row.measurement)
			if v <= 0 {
				continue
			}
			k := slices.IndexFunc(all, func(s series) bool { return s.name == row.Peer })
			if k < 0 {
				k = len(all)
				all = append(all, series{name: row.Peer})
			}
			all[k].points = append(all[k].points, point{x: float64(g.scenario.Callers), value: v})
		}
	}
	for _, s := range all {
		slices.SortFunc(s.points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	}
	return slices.DeleteFunc(all, func(s series) bool { return 2*len(s.points) < len(r.callers) })
}

// text writes a line of text at a point.
func text(b *strings.Builder, x, y float64, attributes, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" %s>%s</text>`+"\n", x, y, attributes, html.EscapeString(s))
}

// chartCommand draws a saved run.
func chartCommand(args []string, std stdio) error {
	flags := flag.NewFlagSet("chart", flag.ContinueOnError)
	flags.SetOutput(std.err)
	from := flags.String("json", "", "`FILE` that run -json has written")
	to := flags.String("svg", "", "`FILE` to draw into")
	if err := flags.Parse(args); err != nil {
		return err
	}
	res, err := readResults(*from)
	if err != nil {
		return err
	}
	return os.WriteFile(*to, drawChart(summarize(res.Measurements, ""), &res.Environment), 0o666)
}
