// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// writeTable prints the matrix, the notes that it refers to, the failures and the
// counts. Cells must be in the order of bench.cells.
func writeTable(w io.Writer, cells []*cell) error {
	if len(cells) == 0 {
		return nil
	}
	for _, some := range byFamily(cells) {
		if err := writeFamily(w, some); err != nil {
			return err
		}
	}
	writeNotes(w, cells)
	for _, c := range cells {
		if c.err != nil {
			fmt.Fprintf(w, "\nFAIL %s: %v\n", c.title(), c.err)
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", count(cells))
	return err
}

// byFamily cuts the cells where another family of networks begins.
func byFamily(cells []*cell) [][]*cell {
	var cut [][]*cell
	for i, c := range cells {
		if i == 0 || c.family != cells[i-1].family {
			cut = append(cut, nil)
		}
		cut[len(cut)-1] = append(cut[len(cut)-1], c)
	}
	return cut
}

// writeFamily prints the table of one family.
func writeFamily(w io.Writer, cells []*cell) error {
	f := cells[0].family
	fmt.Fprintf(w, "%s, %s\n\n", f.name, map[bool]string{
		true: "every codec in every packing", false: "every codec, and MessagePack in every packing",
	}[f.all])
	tw := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	heads := columns(cells)
	fmt.Fprintf(tw, "capability\tcodec\tpacking\t%s\n", strings.Join(heads[0], "\t"))
	fmt.Fprintf(tw, "\t\t\t%s\n", strings.Join(heads[1], "\t"))
	for _, row := range rows(cells) {
		first := row[0]
		fmt.Fprintf(tw, "%s\t%s\t%s", first.capability.name, first.dialect, first.packing)
		for _, c := range row {
			fmt.Fprintf(tw, "\t%s", c)
		}
		fmt.Fprintln(tw)
	}
	fmt.Fprintln(tw)
	return tw.Flush()
}

// rows cuts the cells into rows: one for each capability, codec and packing.
func rows(cells []*cell) [][]*cell {
	var rows [][]*cell
	for i, c := range cells {
		if i == 0 || c.family != cells[i-1].family || c.capability.name != cells[i-1].capability.name || c.dialect.codec != cells[i-1].dialect.codec || c.packing != cells[i-1].packing {
			rows = append(rows, nil)
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], c)
	}
	return rows
}

// columns returns the two lines above the columns: pairs, and their transports.
func columns(cells []*cell) [2][]string {
	var heads [2][]string
	for i, c := range rows(cells)[0] {
		name := c.pair.String()
		if i > 0 && heads[0] != nil && strings.HasSuffix(strings.Join(heads[0], ""), name) {
			name = ""
		}
		heads[0] = append(heads[0], name)
		heads[1] = append(heads[1], c.network.name)
	}
	return heads
}

// String is what the table shows.
func (c *cell) String() string {
	switch {
	case c.err != nil:
		return "FAIL"
	case c.note == good:
		return "ok"
	case c.note == absent:
		return "-"
	default:
		return fmt.Sprintf("(%d)", c.note)
	}
}

// title names the cell in a message.
func (c *cell) title() string {
	return fmt.Sprintf("%s, %s, %s, %s over %s", c.capability.name, c.dialect, c.packing, c.pair, c.network)
}

// writeNotes prints the notes that cells refer to.
func writeNotes(w io.Writer, cells []*cell) {
	seen := make(map[noteID]bool)
	for _, c := range cells {
		seen[c.note] = seen[c.note] || c.err == nil
	}
	for id, n := range known {
		if seen[noteID(id)] && n.name != "" {
			fmt.Fprintf(w, "\n(%d) rpcx: %s: %s.\n    Checked: %s.\n", id, n.name, n.rpcx, n.checked)
		}
	}
}

// tally is how many cells ended how.
type tally struct{ ok, noted, failed int }

func count(cells []*cell) tally {
	var t tally
	for _, c := range cells {
		switch {
		case c.err != nil:
			t.failed++
		case c.note == good:
			t.ok++
		case c.note != absent:
			t.noted++
		}
	}
	return t
}

func (t tally) String() string {
	return fmt.Sprintf("%d cells: %d ok, %d with a note about rpcx, %d failed", t.ok+t.noted+t.failed, t.ok, t.noted, t.failed)
}
