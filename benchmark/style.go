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
	light, dark string // the colour on either background
	width       float64
	dash        string
}

// styleOf returns the style of a peer: blue for this project, grey and broken for
// limits, other colours that the colour-blind can tell apart.
func styleOf(name string) style {
	switch name {
	case "ours":
		return style{"#0063a8", "#58b0ff", 3.2, ""}
	case "ours-furnished":
		return style{"#0063a8", "#58b0ff", 1.5, "2 3"}
	case "ours-shared":
		return style{"#0063a8", "#58b0ff", 1.5, "1 4"}
	case "ours-vt":
		return style{"#0063a8", "#58b0ff", 1.5, "8 3"}
	case "rpcx":
		return style{"#c14a00", "#ff8c42", 2, ""}
	case "grpc":
		return style{"#882255", "#e07ab0", 2, ""}
	case "netrpc":
		return style{"#117733", "#4fc77a", 2, ""}
	case "arpc":
		return style{"#8a6500", "#e0b93b", 2, ""}
	case "kitex":
		return style{"#7a4fc9", "#b79cf5", 2, ""}
	}
	if strings.HasPrefix(name, "limit") {
		return style{"#666666", "#a0a0a0", 1.4, "5 4"}
	}
	return style{"#000000", "#ffffff", 2, "10 2"}
}

// styleSheet returns the colours of a chart, light or dark as the reader wishes.
func styleSheet(sum *summary) string {
	var names []string
	for _, g := range sum.groups {
		for i := range g.rows {
			if name := g.rows[i].Peer; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	var light, dark strings.Builder
	for _, name := range names {
		st := styleOf(name)
		fmt.Fprintf(&light, ".peer-%s { color: %s }\n", name, st.light)
		fmt.Fprintf(&dark, ".peer-%s { color: %s }\n", name, st.dark)
	}
	return "<style>\n" +
		".paper { fill: #ffffff } .ink { fill: #1f2328 } .pale { fill: #59636e } .grid { stroke: #e2e5e9 }\n" + light.String() +
		"@media (prefers-color-scheme: dark) {\n" +
		".paper { fill: #0d1117 } .ink { fill: #f0f6fc } .pale { fill: #9aa4b0 } .grid { stroke: #2a313a }\n" + dark.String() +
		"}\n</style>\n"
}

// line draws a peer's line through points, and a dot at each.
func (s style) line(b *strings.Builder, name string, points []point) {
	var path strings.Builder
	for _, p := range points {
		fmt.Fprintf(&path, "%.1f,%.1f ", p.x, p.y)
	}
	fmt.Fprintf(b, `<polyline class="peer-%s" points="%s" fill="none" stroke="currentColor" stroke-width="%g" stroke-dasharray="%s"/>`+"\n",
		name, strings.TrimSpace(path.String()), s.width, cmp.Or(s.dash, "none"))
	for _, p := range points {
		fmt.Fprintf(b, `<circle class="peer-%s" cx="%.1f" cy="%.1f" r="%g" fill="currentColor"/>`+"\n", name, p.x, p.y, s.width+0.8)
	}
}

// label is the name of a line, to be written beside its end.
type label struct {
	name         string
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
		fmt.Fprintf(b, `<line class="peer-%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="currentColor" stroke-width="0.6"/>`+"\n",
			l.name, l.fromX+5, l.fromY, x-2, l.y)
		attributes := fmt.Sprintf(`class="peer-%s" fill="currentColor"`, l.name)
		if l.name == "ours" {
			attributes += ` font-weight="bold"`
		}
		text(b, x, l.y+4, attributes, l.name)
	}
}
