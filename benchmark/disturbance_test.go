// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"runtime"
	"testing"
	"time"
)

func TestParseBusy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, stat string
		want       time.Duration
		ok         bool
	}{
		{"a machine", "cpu  10 20 30 4000 500 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n", 81 * jiffy, true},
		{"idle", "cpu 0 0 0 5 5 0 0 0 0 0\n", 0, true},
		{"empty", "", 0, false},
		{"short", "cpu 1 2 3 4", 0, false},
		{"no number", "cpu 1 2 x 4 5 6 7 8 9 10", 0, false},
		{"something else", "intr 1 2 3 4 5 6 7 8 9 10", 0, false},
	} {
		if got, ok := parseBusy(tt.stat); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v, %t, want %v, %t", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestDisturbance(t *testing.T) {
	t.Parallel()
	began := time.Now()
	cpus := time.Duration(runtime.NumCPU())
	before := spent{at: began, busy: time.Minute, own: time.Second, known: true}
	after := spent{at: began.Add(time.Second), busy: time.Minute + cpus*time.Second*3/4, own: time.Second + cpus*time.Second/4, known: true}
	if got := after.disturbance(before); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("others took %v, want half", got)
	}
	if got := after.disturbance(spent{}); got != 0 {
		t.Errorf("without knowledge: %v", got)
	}
	if s := spentSoFar(); runtime.GOOS == "linux" && (!s.known || s.busy <= 0 || s.own <= 0) {
		t.Errorf("%+v", s)
	}
}
