// SPDX-License-Identifier: Apache-2.0

// Package backoff spaces out repeated attempts: exponentially, with full jitter, so
// that many who failed together do not come back together.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// The defaults of Policy.
const (
	DefaultBase = 50 * time.Millisecond
	DefaultCap  = 5 * time.Second
)

// Policy says how long the pauses are. The zero value has the defaults.
type Policy struct {
	Base time.Duration // ceiling of the first pause; zero or less: DefaultBase
	Cap  time.Duration // ceiling of every pause; zero or less: DefaultCap
}

// Delay returns how long to pause after the given failed attempt, the first being 0:
// a random time of more than zero and at most Base doubled attempt times or Cap,
// whichever is less.
func (p Policy) Delay(attempt int) time.Duration {
	return 1 + rand.N(p.ceiling(attempt))
}

// Wait pauses for the Delay of attempt. When ctx ends first it returns ctx's error.
func (p Policy) Wait(ctx context.Context, attempt int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timer := time.NewTimer(p.Delay(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ceiling doubles step by step: a shift would overflow for large attempts.
func (p Policy) ceiling(attempt int) time.Duration {
	base, limit := p.Base, p.Cap
	if base <= 0 {
		base = DefaultBase
	}
	if limit <= 0 {
		limit = DefaultCap
	}
	for ; attempt > 0 && base < limit; attempt-- {
		if base > limit/2 {
			return limit
		}
		base *= 2
	}
	return min(base, limit)
}
