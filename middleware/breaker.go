// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/breaker"
)

// BreakerConfig configures Breaker. Zero of a field means its default.
type BreakerConfig struct {
	// Consecutive is how many failures in a row stop the calls. Default 5; negative: only
	// the rate counts.
	Consecutive int
	// Rate is which part of recent calls must have failed to stop them, once there were
	// MinCalls. Defaults 0.5 and 20; a rate above 1: only failures in a row count.
	Rate     float64
	MinCalls int
	// Window is how fast the past is forgotten for the rate. Default 10 s.
	Window time.Duration
	// Pause is how long calls are stopped before one is let through to see whether they
	// succeed again. It doubles each time that one fails, up to MaxPause. Defaults 1 s
	// and 30 s.
	Pause, MaxPause time.Duration
	// Failed reports whether a call's error speaks against what was called. Default:
	// Unavailable, DeadlineExceeded, ResourceExhausted, Internal and DataLoss do; a call
	// that its caller gave up says nothing; all else, such as NotFound, is an answer.
	Failed func(err error) bool
	// Key says which calls share a fate. Default: those of one method.
	Key func(c *rpcx.Call) string
	// MaxKeys is how many keys there may be; all further ones share a fate. Default 1000.
	MaxKeys int
	// Logger is told when calls are stopped and when they pass again. Default
	// slog.Default().
	Logger *slog.Logger
}

// Breaker stops calls that are likely to fail, so that neither their callers nor what
// they need wait for it. Stopped ones end with Unavailable and did not run. Clients
// use it around calls or attempts, servers around handlers that depend on something
// that may be down.
func Breaker(config BreakerConfig) rpcx.Interceptor {
	if config.Failed == nil {
		config.Failed = speaksAgainst
	}
	if config.Key == nil {
		config.Key = func(c *rpcx.Call) string { return c.Service + "." + c.Method }
	}
	if config.MaxKeys <= 0 {
		config.MaxKeys = 1000
	}
	b := &breakers{config: config, logger: orDefault(config.Logger), byKey: make(map[string]*breaker.Breaker)}
	b.shared = b.new()
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error { return b.call(ctx, c, next) }
	}}
}

type breakers struct {
	config BreakerConfig
	logger *slog.Logger
	shared *breaker.Breaker // of the keys that found no room

	mu    sync.RWMutex
	byKey map[string]*breaker.Breaker
}

func (b *breakers) new() *breaker.Breaker {
	c := b.config
	return breaker.New(breaker.Config{
		Consecutive: c.Consecutive, Rate: c.Rate, MinCalls: c.MinCalls, Window: c.Window, Pause: c.Pause, MaxPause: c.MaxPause,
	})
}

// of returns the breaker of a key.
func (b *breakers) of(key string) *breaker.Breaker {
	b.mu.RLock()
	one := b.byKey[key]
	b.mu.RUnlock()
	if one != nil {
		return one
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if one := b.byKey[key]; one != nil {
		return one
	}
	if len(b.byKey) >= b.config.MaxKeys {
		return b.shared
	}
	one = b.new()
	b.byKey[key] = one
	return one
}

func (b *breakers) call(ctx context.Context, c *rpcx.Call, next rpcx.UnaryFunc) error {
	key := b.config.Key(c)
	one := b.of(key)
	ticket, ok := one.Allow()
	if !ok {
		return refusal(c, rpcx.Unavailable, "breaker: calls of %s keep failing and are stopped", key).WithPause(one.Wait())
	}
	outcome := breaker.Failure // also of a panic
	defer func() {
		switch one.Done(ticket, outcome) {
		case breaker.Opened:
			b.logger.LogAttrs(ctx, slog.LevelWarn, "breaker stops calls", slog.String("key", key), slog.Duration("pause", one.Wait()))
		case breaker.Reclosed:
			b.logger.LogAttrs(ctx, slog.LevelInfo, "breaker lets calls pass again", slog.String("key", key))
		}
	}()
	err := next(ctx, c)
	outcome = b.outcome(err)
	return err
}

func (b *breakers) outcome(err error) breaker.Outcome {
	switch {
	case err == nil:
		return breaker.Success
	case b.config.Failed(err):
		return breaker.Failure
	case rpcx.CodeOf(err) == rpcx.Canceled:
		return breaker.Unknown
	default:
		return breaker.Success
	}
}

func speaksAgainst(err error) bool {
	switch rpcx.CodeOf(err) {
	case rpcx.Unavailable, rpcx.DeadlineExceeded, rpcx.ResourceExhausted, rpcx.Internal, rpcx.DataLoss:
		return true
	default:
		return false
	}
}
