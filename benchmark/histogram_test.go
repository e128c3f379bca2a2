// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// Percentiles agree with those of the sorted values, whatever their distribution.
func TestHistogramPercentiles(t *testing.T) {
	t.Parallel()
	const n = 20_000
	rnd := rand.New(rand.NewPCG(1, 2))
	tests := []struct {
		name string
		draw func() float64 // nanoseconds
	}{
		{"uniform microseconds", func() float64 { return rnd.Float64() * 1e6 }},
		{"exponential", func() float64 { return rnd.ExpFloat64() * 5e5 }},
		{"log-normal with a long tail", func() float64 { return math.Exp(rnd.NormFloat64()*2 + 11) }},
		{"two humps far apart", func() float64 {
			if rnd.IntN(50) == 0 {
				return 2e9 + rnd.Float64()*1e8
			}
			return 3e4 + rnd.Float64()*1e4
		}},
		{"nanoseconds", func() float64 { return float64(rnd.IntN(100)) }},
		{"one value", func() float64 { return 581 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h histogram
			values := make([]time.Duration, n)
			var sum time.Duration
			for i := range values {
				values[i] = time.Duration(tt.draw())
				sum += values[i]
				h.add(values[i])
			}
			slices.Sort(values)
			for _, p := range []float64{0.1, 1, 25, 50, 75, 90, 99, 99.9, 99.99, 100} {
				want := values[int(math.Ceil(p/100*n))-1]
				got := h.percentile(p)
				if off := math.Abs(float64(got - want)); off > 0.008*float64(want)+0.5 {
					t.Errorf("p%v = %d, want %d within 0.8 %%", p, got, want)
				}
			}
			if h.count() != n || h.mean() != sum/n || h.max() != values[n-1] {
				t.Errorf("count %d, mean %d, max %d, want %d, %d, %d", h.count(), h.mean(), h.max(), n, sum/n, values[n-1])
			}
		})
	}
}

// Two distributions in the same buckets that differ by less than a bucket's width are told apart.
func TestHistogramWithinBuckets(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // always the same
	for _, shift := range []float64{0, 5e4, 1e5} {
		var h histogram
		for range 100_000 {
			h.add(time.Duration(31e6 + shift + rnd.NormFloat64()*2e5))
		}
		if got := float64(h.percentile(50)); math.Abs(got-31e6-shift) > 1e4 {
			t.Errorf("the median of times around %v ns is %v", 31e6+shift, got)
		}
	}
}

// Buckets follow each other without a gap, and each holds its own bounds.
func TestHistogramBuckets(t *testing.T) {
	t.Parallel()
	next := uint64(0)
	for i := range buckets {
		low, high := bounds(i)
		if low != next {
			t.Fatalf("bucket %d begins at %d, the one before ends at %d", i, low, next)
		}
		if bucketOf(low) != i || bucketOf(high-1) != i {
			t.Fatalf("bucket %d is [%d, %d), but these belong to %d and %d", i, low, high, bucketOf(low), bucketOf(high-1))
		}
		next = high
	}
	if next != 1<<powers {
		t.Errorf("the last bucket ends at %d, want 2^%d", next, powers)
	}
}

func TestHistogramEdges(t *testing.T) {
	t.Parallel()
	var h histogram
	if h.percentile(50) != 0 || h.mean() != 0 || h.max() != 0 || h.count() != 0 {
		t.Error("an empty histogram is not all zero")
	}
	h.add(-time.Second) // a clock that was set back
	h.add(30 * 24 * time.Hour)
	if h.count() != 2 || h.percentile(1) != 0 || h.max() != 30*24*time.Hour {
		t.Errorf("count %d, p1 %v, max %v", h.count(), h.percentile(1), h.max())
	}
	if got := h.percentile(100); got > h.max() || got < 17*time.Minute {
		t.Errorf("p100 = %v of a duration beyond the last bucket", got)
	}
}

func TestHistogramMerge(t *testing.T) {
	t.Parallel()
	var whole, a, b, merged histogram
	for i := range 1000 {
		d := time.Duration(i*i) * time.Microsecond
		whole.add(d)
		if i%3 == 0 {
			a.add(d)
		} else {
			b.add(d)
		}
	}
	merged.merge(&a)
	merged.merge(&b)
	if merged.count() != whole.count() || merged.mean() != whole.mean() || merged.max() != whole.max() {
		t.Errorf("merged: %d, %v, %v; want %d, %v, %v", merged.count(), merged.mean(), merged.max(), whole.count(), whole.mean(), whole.max())
	}
	for _, p := range []float64{1, 50, 99} {
		if merged.percentile(p) != whole.percentile(p) {
			t.Errorf("p%v = %v, want %v", p, merged.percentile(p), whole.percentile(p))
		}
	}
}

func TestHistogramConcurrently(t *testing.T) {
	t.Parallel()
	var h histogram
	var adding sync.WaitGroup
	for g := range 8 {
		adding.Go(func() {
			for i := range 1000 {
				h.add(time.Duration(g*1000 + i))
			}
		})
	}
	adding.Wait()
	if h.count() != 8000 || h.max() != 7999 {
		t.Errorf("count %d, max %d, want 8000 and 7999", h.count(), h.max())
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h histogram
	for i := 0; b.Loop(); i++ {
		h.add(time.Duration(i&0xfffff) * 100)
	}
}
