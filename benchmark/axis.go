// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
)

// axis is a logarithmic scale whose ends are round numbers: 1, 2 or 5 times a power
// of ten.
type axis struct{ low, high float64 }

// newAxis returns an axis for all points.
func newAxis(all []series) axis {
	a := axis{math.Inf(1), 0}
	for _, s := range all {
		for _, pt := range s.points {
			a.low, a.high = min(a.low, pt.value), max(a.high, pt.value)
		}
	}
	if a.high == 0 {
		return axis{1, 10}
	}
	a.low, a.high = roundBelow(a.low), roundAbove(a.high)
	if a.low == a.high {
		a.high *= 2
	}
	return a
}

// position returns where v is, from 0 at the lower end to 1 at the upper.
func (a axis) position(v float64) float64 {
	return (math.Log(v) - math.Log(a.low)) / (math.Log(a.high) - math.Log(a.low))
}

// ticks returns the round numbers on the axis; only powers of ten if it is long.
func (a axis) ticks() []float64 {
	steps := []float64{1, 2, 5}
	if a.high/a.low > 1e4 {
		steps = steps[:1]
	}
	var all []float64
	for power := powerOf(a.low); power <= a.high*(1+tiny); power *= 10 {
		for _, s := range steps {
			if v := s * power; v >= a.low*(1-tiny) && v <= a.high*(1+tiny) {
				all = append(all, v)
			}
		}
	}
	return all
}

// tiny is what rounding errors stay below.
const tiny = 1e-9

func powerOf(v float64) float64 { return math.Pow(10, math.Floor(math.Log10(v)+tiny)) }

// roundBelow returns the next round number below v, or v.
func roundBelow(v float64) float64 {
	power := powerOf(v)
	for _, s := range []float64{5, 2} {
		if s*power <= v*(1+tiny) {
			return s * power
		}
	}
	return power
}

// roundAbove returns the next round number above v, or v.
func roundAbove(v float64) float64 {
	power := powerOf(v)
	for _, s := range []float64{1, 2, 5} {
		if s*power >= v*(1-tiny) {
			return s * power
		}
	}
	return 10 * power
}

// axisCount writes a number beside an axis.
func axisCount(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%gM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%gk", v/1e3)
	default:
		return fmt.Sprintf("%g", v)
	}
}

// axisMicros writes microseconds beside an axis.
func axisMicros(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%g s", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%g ms", v/1e3)
	default:
		return fmt.Sprintf("%g µs", v)
	}
}
