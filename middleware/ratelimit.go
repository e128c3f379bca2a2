// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
)

// RateLimitConfig configures RateLimit.
type RateLimitConfig struct {
	// Rate is how many calls a second each key may make in the long run. Default 1000.
	Rate float64
	// Burst is how many it may make at once after a rest. Default: those of one second,
	// at least 1.
	Burst int
	// Key says whose call it is; calls with the same key share a limit. Default PeerIP.
	// See PeerCertificate, PeerMetadata and OneKey as well.
	Key func(ctx context.Context, c *rpcx.Call) string
	// MaxKeys is how many keys are remembered: when as many are busy, all further ones
	// share one limit. Default 10,000.
	MaxKeys int
	// Logger takes a warning when calls are refused. Default slog.Default().
	Logger *slog.Logger
}

// RateLimit refuses calls that come too fast, with ResourceExhausted and the time
// after which the next one will pass. They did not run. Heartbeats are no calls and
// cost nothing. For one limit over many servers see contrib/redislimit.
func RateLimit(config RateLimitConfig) rpcx.Interceptor {
	if config.Rate <= 0 || math.IsNaN(config.Rate) {
		config.Rate = 1000
	}
	if config.Burst <= 0 {
		config.Burst = int(min(max(config.Rate, 1), math.MaxInt32))
	}
	if config.Key == nil {
		config.Key = PeerIP
	}
	if config.MaxKeys <= 0 {
		config.MaxKeys = 10_000
	}
	b := newBuckets(config.Rate, config.Burst, config.MaxKeys)
	refused := newNotice(config.Logger, "calls refused by a rate limit")
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			key := config.Key(ctx, c)
			if wait := b.take(key, time.Since(b.began)); wait > 0 {
				refused.warn(ctx, called(c.Service, c.Method), slog.String("key", key))
				return refusal(c, rpcx.ResourceExhausted, "rate limit: %s.%s: more than %v calls a second",
					c.Service, c.Method, config.Rate).WithPause(wait)
			}
			return next(ctx, c)
		}
	}}
}

// buckets is a token bucket for each key. A bucket is kept as the time at which it
// will be full again: one whose time has passed is like one that was never used, so
// forgetting those loses nothing.
type buckets struct {
	began time.Time
	token time.Duration // how long a token takes to come
	depth time.Duration // how long all of them take
	limit int           // of keys

	mu     sync.Mutex
	full   map[string]time.Duration // since began
	shared time.Duration            // of the keys that found no room
	sweep  time.Duration            // when sweeping makes sense again
}

func newBuckets(rate float64, burst, limit int) *buckets {
	token := time.Duration(min(max(float64(time.Second)/rate, 1), float64(time.Hour)))
	return &buckets{
		began: time.Now(),
		token: token,
		depth: time.Duration(min(float64(token)*float64(burst), float64(365*24*time.Hour))),
		limit: limit,
		full:  make(map[string]time.Duration),
	}
}

// take takes a token from a key's bucket. If there is none it returns how long the
// next one takes to come.
func (b *buckets) take(key string, now time.Duration) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	full, known := b.full[key]
	if !known && !b.room(now) {
		full = b.shared
	}
	full = max(full, now) + b.token
	if wait := full - now - b.depth; wait > 0 {
		return wait
	}
	if known || len(b.full) < b.limit {
		b.full[key] = full
	} else {
		b.shared = full
	}
	return 0
}

// room makes room for one more key, if it can. b.mu is held.
func (b *buckets) room(now time.Duration) bool {
	if len(b.full) < b.limit {
		return true
	}
	if now < b.sweep {
		return false
	}
	b.sweep = now + min(b.depth, time.Second)
	for key, full := range b.full {
		if full <= now {
			delete(b.full, key)
		}
	}
	return len(b.full) < b.limit
}
