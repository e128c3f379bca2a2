// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
)

// Sizes of a chart, in pixels.
const (
	plotWidth  = 400
	plotHeight = 300
	marginLeft = 70  // of a panel: numbers of the axis
	labelWidth = 130 // of a panel: names at the ends of the lines
	rowHead    = 70
	rowFoot    = 55
	panelWidth = marginLeft + plotWidth + labelWidth
	rowHeight  = rowHead + plotHeight + rowFoot
	chartHead  = 50
)

// chartRow is a row of two panels: throughput and p99 over the number of callers,
// for scenarios that are alike otherwise.
type chartRow struct {
	title   string
	callers []int // the axis
	groups  []group
}

// drawChart returns a picture of the scenarios that can be put on a line, as SVG.
// about says on what machine it was.
func drawChart(sum *summary, about string) []byte {
	rows := chartRows(sum)
	width, height := 2*panelWidth, chartHead+len(rows)*rowHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	text(&b, marginLeft, 26, `font-size="13" fill="#444"`, about)
	for i, r := range rows {
		y := chartHead + i*rowHeight
		throughput := panel{title: "calls per second", figure: func(r *row) float64 { return r.Throughput }, format: axisCount}
		throughput.draw(&b, r, 0, y)
		p99 := panel{title: "p99 latency", figure: func(r *row) float64 { return r.P99 }, format: axisMicros}
		p99.draw(&b, r, panelWidth, y)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// chartRows returns the rows that a chart of sum has: those that have more than one
// number of callers, or if there are none, all.
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
	var rows, lines []chartRow
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
		if len(r.callers) > 1 {
			lines = append(lines, r)
		}
	}
	if len(lines) > 0 {
		return lines
	}
	return rows
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
	title  string
	figure func(*row) float64
	format func(float64) string
}

// point is where a line passes, and what is there.
type point struct{ x, y, value float64 }

// draw draws the panel with its left upper corner at x, y. The axis of values is
// logarithmic: equal factors are equal distances.
func (p panel) draw(b *strings.Builder, r chartRow, x, y int) {
	left, top := float64(x+marginLeft), float64(y+rowHead)
	all := p.series(r)
	axis := newAxis(all)
	at := func(v float64) float64 { return top + plotHeight*(1-axis.position(v)) }
	text(b, left, top-36, `font-size="15" font-weight="bold"`, p.title)
	text(b, left, top-16, `fill="#444"`, r.title)
	for _, v := range axis.ticks() {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", left, at(v), left+plotWidth, at(v))
		text(b, left-8, at(v)+4, `text-anchor="end" fill="#444"`, p.format(v))
	}
	step := float64(plotWidth-40) / float64(max(len(r.callers)-1, 1))
	across := func(callers int) float64 { return left + 20 + step*float64(slices.Index(r.callers, callers)) }
	for _, c := range r.callers {
		text(b, across(c), top+plotHeight+20, `text-anchor="middle" fill="#444"`, fmt.Sprint(c))
	}
	text(b, left+plotWidth/2, top+plotHeight+40, `text-anchor="middle" fill="#444"`, "callers")

	var labels []label
	for i, s := range all {
		for j := range s.points {
			s.points[j].x, s.points[j].y = across(int(s.points[j].x)), at(s.points[j].value)
		}
		st := styleOf(s.name, i)
		st.line(b, s.points)
		last := s.points[len(s.points)-1]
		labels = append(labels, label{s.name, st.colour, last.x, last.y, last.y})
	}
	drawLabels(b, labels, left+plotWidth+14, top, top+plotHeight)
}

// series is the points of a peer, from left to right.
type series struct {
	name   string
	points []point
}

// series returns a series for each peer, with the number of callers as x.
func (p panel) series(r chartRow) []series {
	var all []series
	for _, g := range r.groups {
		for i := range g.rows {
			row := &g.rows[i]
			v := p.figure(row)
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
	return all
}

// text writes a line of text at a point.
func text(b *strings.Builder, x, y float64, attributes, s string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" %s>%s</text>`+"\n", x, y, attributes, html.EscapeString(s))
}
