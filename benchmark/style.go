// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// style is how the line of a peer looks.
type style struct {
	colour string
	width  float64
	dash   string
}

// styleOf returns the style of a peer, the i-th of a chart: blue for this project,
// grey and broken for limits, other colours that the colour-blind can tell apart.
func styleOf(name string, i int) style {
	switch name {
	case "ours":
		return style{"#0072b2", 3, ""}
	case "ours-furnished":
		return style{"#0072b2", 1.5, "2 3"}
	case "ours-vt":
		return style{"#0072b2", 1.5, "8 3"}
	}
	if strings.HasPrefix(name, "limit") {
		greys := []string{"#999", "#777", "#555", "#333"}
		return style{greys[i%len(greys)], 1.2, "4 3"}
	}
	switch name {
	case "rpcx":
		return style{"#d55e00", 2, ""}
	case "grpc":
		return style{"#882255", 2, ""}
	case "netrpc":
		return style{"#117733", 2, ""}
	case "arpc":
		return style{"#b8860b", 2, ""}
	case "kitex":
		return style{"#cc79a7", 2, ""}
	}
	others := []string{"#000000", "#44aa99", "#661100", "#999933"}
	return style{others[i%len(others)], 2, "10 2"}
}

// line draws a line through points, and a dot at each.
func (s style) line(b *strings.Builder, points []point) {
	var path strings.Builder
	for _, p := range points {
		fmt.Fprintf(&path, "%.1f,%.1f ", p.x, p.y)
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="%g" stroke-dasharray="%s"/>`+"\n",
		strings.TrimSpace(path.String()), s.colour, s.width, cmp.Or(s.dash, "none"))
	for _, p := range points {
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="%g" fill="%s"/>`+"\n", p.x, p.y, s.width+1, s.colour)
	}
}

// label is the name of a line, to be written beside its end.
type label struct {
	text, colour string
	fromX, fromY float64 // the end of the line
	y            float64 // where the label comes to stand
}

// drawLabels writes labels at x, each as near to its line as the others allow.
func drawLabels(b *strings.Builder, labels []label, x, top, bottom float64) {
	const height = 15
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	for i := range labels {
		if i > 0 {
			labels[i].y = max(labels[i].y, labels[i-1].y+height)
		}
	}
	floor := bottom
	for i := len(labels) - 1; i >= 0; i-- {
		labels[i].y = max(min(labels[i].y, floor), top)
		floor = labels[i].y - height
	}
	for _, l := range labels {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="0.5"/>`+"\n", l.fromX+4, l.fromY, x-3, l.y, l.colour)
		text(b, x, l.y+4, fmt.Sprintf(`fill="%s"`, l.colour), l.text)
	}
}
