// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
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
		cpus       int
	}{
		{"a machine", "cpu  10 20 30 4000 500 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 1 2\nintr 9 9\n", 81 * jiffy, 2},
		{"idle", "cpu 0 0 0 5 5 0 0 0 0 0\ncpu0 0 0\n", 0, 1},
		{"empty", "", 0, 0},
		{"short", "cpu 1 2 3 4", 0, 0},
		{"no number", "cpu 1 2 x 4 5 6 7 8 9 10\ncpu0 0\n", 0, 0},
		{"something else", "intr 1 2 3 4 5 6 7 8 9 10", 0, 0},
	} {
		if got, cpus := parseBusy(tt.stat); got != tt.want || cpus != tt.cpus {
			t.Errorf("%s: %v of %d processors, want %v of %d", tt.name, got, cpus, tt.want, tt.cpus)
		}
	}
}

func TestDisturbance(t *testing.T) {
	t.Parallel()
	const cpus = 4
	began := time.Now()
	before := spent{at: began, busy: time.Minute, own: time.Second, cpus: cpus}
	after := spent{at: began.Add(time.Second), busy: time.Minute + 3*time.Second, own: 2 * time.Second, cpus: cpus}
	if got := after.disturbance(before); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("others took %v, want half", got)
	}
	if got := after.disturbance(spent{}); got != 0 {
		t.Errorf("without knowledge: %v", got)
	}
	if s := spentSoFar(); runtime.GOOS == "linux" && (s.cpus <= 0 || s.busy <= 0 || s.own <= 0) {
		t.Errorf("%+v", s)
	}
}

// What was disturbed is measured again, as long as that may help.
func TestQuietest(t *testing.T) {
	t.Parallel()
	failure := errors.New("it failed")
	for _, tt := range []struct {
		name  string
		taken []float64 // by others, with each try; negative: it fails
		want  float64
		tries int
		err   error
	}{
		{"quiet", []float64{0.1}, 0.1, 1, nil},
		{"the second time", []float64{0.5, 0.05}, 0.05, 2, nil},
		{"never", []float64{0.5, 0.3, 0.4, 0.6}, 0.3, 1 + retries, nil},
		{"a failure", []float64{-1}, 0, 1, failure},
		{"a failure when it was tried again", []float64{0.5, -1}, 0.5, 2, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			m, err := quietest(0.15, io.Discard, func() (*measurement, error) {
				tries++
				if taken := tt.taken[tries-1]; taken >= 0 {
					return &measurement{Disturbed: taken}, nil
				}
				return nil, failure
			})
			if !errors.Is(err, tt.err) || tries != tt.tries || err == nil && m.Disturbed != tt.want {
				t.Errorf("%+v after %d tries, %v; want one with %v after %d, %v", m, tries, err, tt.want, tt.tries, tt.err)
			}
		})
	}
}
