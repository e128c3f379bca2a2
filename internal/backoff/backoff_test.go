// SPDX-License-Identifier: Apache-2.0

package backoff

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCeiling(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		name    string
		policy  Policy
		attempt int
		want    time.Duration
	}{
		{"first", Policy{}, 0, 50 * ms},
		{"second", Policy{}, 1, 100 * ms},
		{"seventh", Policy{}, 6, 3200 * ms},
		{"capped", Policy{}, 7, 5 * time.Second},
		{"far beyond the cap", Policy{}, math.MaxInt, 5 * time.Second},
		{"negative attempt", Policy{}, -3, 50 * ms},
		{"negative settings", Policy{Base: -1, Cap: -1}, 1, 100 * ms},
		{"own base", Policy{Base: 3 * ms}, 2, 12 * ms},
		{"own cap", Policy{Cap: 70 * ms}, 1, 70 * ms},
		{"base over cap", Policy{Base: time.Minute, Cap: time.Second}, 0, time.Second},
		{"cap at the end of time", Policy{Base: 1, Cap: math.MaxInt64}, 100, math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.policy.ceiling(tt.attempt); got != tt.want {
				t.Errorf("ceiling(%d) = %v, want %v", tt.attempt, got, tt.want)
			}
		})
	}
}

// TestFullJitter draws often enough that an even spread over (0, ceiling] shows: the
// chance that no draw of 1000 falls into a given quarter is below 1e-124.
func TestFullJitter(t *testing.T) {
	t.Parallel()
	for attempt := range 10 {
		var p Policy
		ceiling := p.ceiling(attempt)
		var quarters [4]int
		for range 1000 {
			d := p.Delay(attempt)
			if d <= 0 || d > ceiling {
				t.Fatalf("Delay(%d) = %v, want more than 0 and at most %v", attempt, d, ceiling)
			}
			quarters[(d-1)*4/ceiling]++
		}
		for i, n := range quarters {
			if n == 0 {
				t.Errorf("attempt %d: no delay in quarter %d of %v", attempt, i, ceiling)
			}
		}
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := Policy{Base: time.Second, Cap: time.Minute}
		for attempt := range 10 {
			start := time.Now()
			if err := p.Wait(t.Context(), attempt); err != nil {
				t.Fatalf("Wait(%d): %v", attempt, err)
			}
			if took, most := time.Since(start), p.ceiling(attempt); took <= 0 || took > most {
				t.Errorf("Wait(%d) took %v, want more than 0 and at most %v", attempt, took, most)
			}
		}
	})
}

func TestWaitEndsWithContext(t *testing.T) {
	t.Parallel()
	forever := Policy{Base: math.MaxInt64, Cap: math.MaxInt64}

	t.Run("already ended", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := (Policy{Base: 1, Cap: 1}).Wait(ctx, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait = %v, want context.Canceled", err)
		}
	})
	t.Run("canceled meanwhile", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error)
			go func() { got <- forever.Wait(ctx, 0) }()
			synctest.Wait()
			cancel()
			if err := <-got; !errors.Is(err, context.Canceled) {
				t.Errorf("Wait = %v, want context.Canceled", err)
			}
		})
	})
	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			if err := forever.Wait(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Wait = %v, want context.DeadlineExceeded", err)
			}
			if took := time.Since(start); took != time.Second {
				t.Errorf("Wait took %v, want 1s", took)
			}
		})
	})
}
