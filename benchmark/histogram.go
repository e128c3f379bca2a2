// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations in buckets whose width grows with the duration, so
// that a percentile is right within 0.8 % and the size does not depend on how much
// is counted. What a bucket holds counts as spread evenly, so with many durations a
// percentile is mostly much closer. The zero value is empty. Adding is safe for concurrent use.
type histogram struct {
	counts [buckets]atomic.Uint64
	sum    atomic.Int64
	most   atomic.Int64
}

const (
	// Every power of two is divided into as many buckets.
	subBits = 7
	sub     = 1 << subBits
	// Up to 2^40 ns, 18 minutes. Longer durations go into the last bucket.
	powers  = 40
	buckets = (powers - subBits + 1) * sub
)

// add counts d.
func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(uint64(d))].Add(1)
	h.sum.Add(int64(d))
	for {
		most := h.most.Load()
		if int64(d) <= most || h.most.CompareAndSwap(most, int64(d)) {
			return
		}
	}
}

// bucketOf returns the bucket of v nanoseconds. Below 2·sub each has its own.
func bucketOf(v uint64) int {
	shift := max(bits.Len64(v)-subBits-1, 0)
	return min(shift*sub+int(v>>shift), buckets-1)
}

// bounds returns what bucket i holds: low and all below high.
func bounds(i int) (low, high uint64) {
	shift := max(i/sub-1, 0)
	low = uint64(i-shift*sub) << shift
	return low, low + 1<<shift
}

// merge adds what other counted. Nobody adds to either meanwhile.
func (h *histogram) merge(other *histogram) {
	for i := range other.counts {
		if n := other.counts[i].Load(); n > 0 {
			h.counts[i].Add(n)
		}
	}
	h.sum.Add(other.sum.Load())
	h.most.Store(max(h.most.Load(), other.most.Load()))
}

// count returns how many durations were added.
func (h *histogram) count() uint64 {
	var n uint64
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}

// mean returns the exact mean, 0 if nothing was added.
func (h *histogram) mean() time.Duration {
	n := h.count()
	if n == 0 {
		return 0
	}
	return time.Duration(uint64(h.sum.Load()) / n)
}

// percentile returns the duration that p percent of those added do not exceed, 0 if
// nothing was added.
func (h *histogram) percentile(p float64) time.Duration {
	n := h.count()
	if n == 0 {
		return 0
	}
	rank := max(uint64(math.Ceil(p/100*float64(n))), 1)
	var seen uint64
	for i := range h.counts {
		here := h.counts[i].Load()
		if seen+here < rank {
			seen += here
			continue
		}
		low, high := bounds(i)
		part := (float64(rank-seen) - 0.5) / float64(here)
		return min(time.Duration(float64(low)+part*float64(high-low)), h.max())
	}
	return h.max()
}

// max returns the longest duration added.
func (h *histogram) max() time.Duration { return time.Duration(h.most.Load()) }
