// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// element is what the tests look at of a picture.
type element struct {
	name  string
	attrs map[string]string
	text  string
}

// elements parses a picture, which fails if it is not well-formed.
func elements(t *testing.T, svg []byte) []element {
	t.Helper()
	var all []element
	d := xml.NewDecoder(bytes.NewReader(svg))
	depth := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		switch x := token.(type) {
		case xml.StartElement:
			e := element{name: x.Name.Local, attrs: make(map[string]string)}
			for _, a := range x.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			all = append(all, e)
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth > 0 {
				all[len(all)-1].text += strings.TrimSpace(string(x))
			}
		}
	}
	if depth != 0 || len(all) == 0 || all[0].name != "svg" {
		t.Fatalf("not a picture:\n%s", svg)
	}
	return all
}

func texts(all []element) []string {
	var found []string
	for _, e := range all {
		if e.name == "text" {
			found = append(found, e.text)
		}
	}
	return found
}

func drawn(ms ...*measurement) *summary { return summarize(ms, "rpcx") }

func TestChart(t *testing.T) {
	t.Parallel()
	var ms []*measurement
	for i, callers := range []int{500, 100, 5000} { // not in order
		for k, p := range allPeers() {
			ms = append(ms, made(p.name, scenario{Callers: callers, Conns: 10}, 1, float64(10_000*(k+1)+100*i)))
		}
	}
	ms = append(ms, made("ours", scenario{Callers: 1, Conns: 1}, 1, 20_000))
	all := elements(t, drawChart(drawn(ms...), &environment{CPU: `a <machine> & "its" clock`, Command: "benchmark run -x"}))
	found := texts(all)
	for _, want := range []string{
		"calls per second (more is better)", "p50 latency (less is better)", "p99 latency (less is better)",
		"10 connections, 581-byte message", "concurrent callers", "1", "100", "500", "5000", "10k", "100k", "100 µs",
	} {
		if !slices.Contains(found, want) {
			t.Errorf("%q is not written: %q", want, found)
		}
	}
	if caption := strings.Join(found, "\n"); !strings.Contains(caption, `(a <machine> & "its" clock)`) || !strings.Contains(caption, "benchmark run -x") {
		t.Errorf("neither machine nor command stand below: %q", found)
	}
	lines := 0
	for _, e := range all {
		if e.name != "polyline" {
			continue
		}
		lines++
		xs := make([]float64, 0, 4)
		for pair := range strings.FieldsSeq(e.attrs["points"]) {
			x, _, _ := strings.Cut(pair, ",")
			v, err := strconv.ParseFloat(x, 64)
			if err != nil {
				t.Fatal(err)
			}
			xs = append(xs, v)
		}
		if !slices.IsSorted(xs) || len(xs) < 3 {
			t.Errorf("a line goes through %v", xs)
		}
	}
	if want := 3 * len(allPeers()); lines != want {
		t.Errorf("%d lines, want %d", lines, want)
	}
	inside(t, all)
}

// inside checks that everything is in the picture, and that no name covers another.
func inside(t *testing.T, all []element) {
	t.Helper()
	width, height := number(t, all[0].attrs["width"]), number(t, all[0].attrs["height"])
	names := make(map[string][]float64) // by x
	for _, e := range all[1:] {
		for _, a := range []string{"x", "cx", "x1", "x2"} {
			if v, ok := e.attrs[a]; ok && (number(t, v) < 0 || number(t, v) > width) {
				t.Errorf("%s %q is outside: %s = %s", e.name, e.text, a, v)
			}
		}
		for _, a := range []string{"y", "cy", "y1", "y2"} {
			if v, ok := e.attrs[a]; ok && (number(t, v) < 0 || number(t, v) > height) {
				t.Errorf("%s %q is outside: %s = %s", e.name, e.text, a, v)
			}
		}
		if _, err := peerNamed(e.text); err == nil && e.name == "text" {
			names[e.attrs["x"]] = append(names[e.attrs["x"]], number(t, e.attrs["y"]))
		}
	}
	for _, ys := range names {
		slices.Sort(ys)
		for i := 1; i < len(ys); i++ {
			if gap := ys[i] - ys[i-1]; gap > 0 && gap < 14 {
				t.Errorf("two names are %v pixels apart", gap)
			}
		}
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestChartRows(t *testing.T) {
	t.Parallel()
	at := func(callers, conns int) *measurement {
		return made("ours", scenario{Callers: callers, Conns: conns}, 1, 1000)
	}
	slow := func(callers int) *measurement {
		return made("ours", scenario{Callers: callers, Conns: 10, Delay: 10 * time.Millisecond}, 1, 1000)
	}
	tests := []struct {
		name string
		ms   []*measurement
		want []string
	}{
		{"nothing", nil, nil},
		{"one scenario", []*measurement{at(500, 10)}, []string{"10 connections, 581-byte message: 500"}},
		{"one caller", []*measurement{at(1, 1)}, []string{"a connection per caller, 581-byte message: 1"}},
		{
			"one caller belongs to every pool",
			[]*measurement{at(1, 1), at(500, 10), at(500, 1), at(500, 500)},
			[]string{"10 connections, 581-byte message: 1 500", "1 connection, 581-byte message: 1 500", "a connection per caller, 581-byte message: 1 500"},
		},
		{"but not twice", []*measurement{at(1, 10), at(5, 10), at(1, 1)}, []string{"10 connections, 581-byte message: 1 5"}},
		{"lines are better than dots", []*measurement{at(1, 1), at(5, 10), slow(5)}, []string{"10 connections, 581-byte message: 1 5"}},
		{
			"what differs otherwise is apart",
			[]*measurement{at(5, 10), at(6, 10), slow(5), slow(6)},
			[]string{"10 connections, 581-byte message: 5 6", "10 connections, 581-byte message, handler takes 10ms: 5 6"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sum := drawn(tt.ms...)
			var got []string
			for _, r := range chartRows(sum) {
				text := r.title + ":"
				for _, c := range r.callers {
					text += " " + strconv.Itoa(c)
				}
				got = append(got, text)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			inside(t, elements(t, drawChart(sum, new(environment))))
		})
	}
}

func TestAxis(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		values []float64
		want   axis
		ticks  []float64
	}{
		{"nothing", nil, axis{1, 10}, []float64{1, 2, 5, 10}},
		{"one round value", []float64{500}, axis{500, 1000}, []float64{500, 1000}},
		{"within a step", []float64{21, 49}, axis{20, 50}, []float64{20, 50}},
		{"at the ends", []float64{20, 100}, axis{20, 100}, []float64{20, 50, 100}},
		{"powers", []float64{10, 1000}, axis{10, 1000}, []float64{10, 20, 50, 100, 200, 500, 1000}},
		{"fractions", []float64{0.3, 7}, axis{0.2, 10}, []float64{0.2, 0.5, 1, 2, 5, 10}},
		{"far apart", []float64{3, 4e6}, axis{2, 5e6}, []float64{10, 100, 1e3, 1e4, 1e5, 1e6}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := series{}
			for _, v := range tt.values {
				s.points = append(s.points, point{value: v})
			}
			a := newAxis([]series{s})
			if !near(a.low, tt.want.low) || !near(a.high, tt.want.high) {
				t.Errorf("got %v, want %v", a, tt.want)
			}
			if !slices.EqualFunc(a.ticks(), tt.ticks, near) {
				t.Errorf("ticks %v, want %v", a.ticks(), tt.ticks)
			}
			if a.position(a.low) != 0 || !near(a.position(a.high), 1) {
				t.Errorf("the ends are at %v and %v", a.position(a.low), a.position(a.high))
			}
		})
	}
}

func TestAxisNumbers(t *testing.T) {
	t.Parallel()
	tests := []struct{ got, want string }{
		{axisCount(500), "500"},
		{axisCount(2000), "2k"},
		{axisCount(5e6), "5M"},
		{axisMicros(50), "50 µs"},
		{axisMicros(2e4), "20 ms"},
		{axisMicros(5e6), "5 s"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
