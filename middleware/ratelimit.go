// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"log/slog"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/tokenbucket"
)

// RateLimitConfig configures RateLimit.
type RateLimitConfig struct {
	// Rate is how many calls a second each key may make in the long run. Default 1000.
	Rate float64
	// Burst is how many it may make at once after a rest. Default: those of one second,
	// at least 1.
	Burst int
	// Key says whose call it is; calls with the same key share a limit. Default PeerIP.
	// See PeerIdentity, PeerCertificate, PeerMetadata and OneKey as well.
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
	if config.Key == nil {
		config.Key = PeerIP
	}
	rate := tokenbucket.Rate{PerSecond: config.Rate, Burst: config.Burst, MaxKeys: config.MaxKeys}.WithDefaults()
	b := tokenbucket.New(rate)
	refused := newNotice(config.Logger, "calls refused by a rate limit")
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			key := config.Key(ctx, c)
			if wait := b.Take(key); wait > 0 {
				refused.Warn(ctx, called(c.Service, c.Method), LogKey(ctx, c, key))
				return refusal(c, rpcx.ResourceExhausted, "rate limit: %s.%s: over the limit of %v a second",
					c.Service, c.Method, rate.PerSecond).WithPause(wait)
			}
			return next(ctx, c)
		}
	}}
}
