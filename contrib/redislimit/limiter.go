// SPDX-License-Identifier: Apache-2.0

package redislimit

import (
	"context"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/middleware"
)

// pause is for how long Redis is not asked after it has failed, so that calls do not
// all wait for it, and the least time between two warnings.
const pause = time.Second

// Config configures New. Zero of a field means its default.
type Config struct {
	// Redis says where Redis is and how to get in: a single server, sentinels or a
	// cluster. Default: localhost:6379. Timeouts that are not set are Timeout, and nothing
	// is tried again.
	Redis redis.UniversalOptions
	// Rate is how many calls a second each key may make in the long run, on all servers
	// together. Default 1000.
	Rate float64
	// Burst is how many it may make at once after a rest. Default: those of one second,
	// at least 1.
	Burst int
	// Key says whose call it is; calls with the same key share a limit. Default
	// middleware.PeerIP.
	Key func(ctx context.Context, c *rpcx.Call) string
	// Prefix is what the keys in Redis begin with: limits with the same one count
	// together. Default "rpcx:limit:".
	Prefix string
	// Timeout is how long a call waits for Redis. Default 100 ms.
	Timeout time.Duration
	// FailClosed refuses calls with Unavailable while Redis cannot be reached. Default:
	// they pass.
	FailClosed bool
	// Logger takes a warning when calls are refused, or Redis cannot be reached. Default
	// slog.Default().
	Logger *slog.Logger
}

// Limiter is a limit that is shared by all limiters with the same Redis and prefix.
type Limiter struct {
	config Config
	client redis.UniversalClient
	bucket bucket
	began  time.Time

	// Times since began: not before is Redis asked, is refusing warned of, is failing.
	down, refused, failed atomic.Int64
}

// New makes a Limiter. It opens nothing: the first call does.
func New(c Config) *Limiter {
	if c.Rate <= 0 || math.IsNaN(c.Rate) {
		c.Rate = 1000
	}
	if c.Burst <= 0 {
		c.Burst = int(min(max(c.Rate, 1), math.MaxInt32))
	}
	if c.Key == nil {
		c.Key = middleware.PeerIP
	}
	if c.Prefix == "" {
		c.Prefix = "rpcx:limit:"
	}
	if c.Timeout <= 0 {
		c.Timeout = 100 * time.Millisecond
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Limiter{
		config: c,
		client: redis.NewUniversalClient(redisOptions(c)),
		bucket: newBucket(c.Rate, c.Burst),
		began:  time.Now(),
	}
}

// redisOptions makes a Redis that does not answer cost a call no more than its timeout.
func redisOptions(c Config) *redis.UniversalOptions {
	o := c.Redis
	o.ContextTimeoutEnabled = true
	if o.MaxRetries == 0 {
		o.MaxRetries = -1
	}
	if o.DialerRetries == 0 {
		o.DialerRetries = 1
	}
	for _, d := range []*time.Duration{&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout} {
		if *d == 0 {
			*d = c.Timeout
		}
	}
	return &o
}

// Interceptor refuses calls that come too fast.
func (l *Limiter) Interceptor() rpcx.Interceptor {
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			if err := l.ask(ctx, c); err != nil {
				return err
			}
			return next(ctx, c)
		}
	}}
}

// ask returns why the call must not go on, nil if it may.
func (l *Limiter) ask(ctx context.Context, c *rpcx.Call) error {
	if time.Since(l.began) < time.Duration(l.down.Load()) {
		return l.withoutRedis(c)
	}
	key := l.config.Key(ctx, c)
	limited, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	wait, err := l.bucket.take(limited, l.client, l.config.Prefix+key)
	switch {
	case err == nil && wait == 0:
		return nil
	case err == nil:
		l.warn(ctx, &l.refused, "calls refused by a rate limit", c, middleware.LogKey(ctx, c, key))
		return refusal(c, rpcx.ResourceExhausted, "redis limit: %s.%s: over the limit of %v a second",
			c.Service, c.Method, l.config.Rate).WithPause(wait)
	case ctx.Err() != nil: // the caller's affair
		return refusal(c, rpcx.CodeOf(ctx.Err()), "redis limit: %w", context.Cause(ctx))
	case past(ctx): // the same, and its context has not noticed yet
		return refusal(c, rpcx.DeadlineExceeded, "redis limit: %w", context.DeadlineExceeded)
	default:
		l.down.Store(int64(time.Since(l.began) + pause))
		l.warn(ctx, &l.failed, "Redis cannot be asked for a rate limit", c,
			slog.Any("error", err), slog.Bool("calls_pass", !l.config.FailClosed))
		return l.withoutRedis(c)
	}
}

// past reports whether the deadline of ctx has passed.
func past(ctx context.Context) bool {
	at, limited := ctx.Deadline()
	return limited && !time.Now().Before(at)
}

// withoutRedis returns what becomes of a call while Redis cannot be reached.
func (l *Limiter) withoutRedis(c *rpcx.Call) error {
	if !l.config.FailClosed {
		return nil
	}
	return refusal(c, rpcx.Unavailable, "redis limit: Redis cannot be reached").WithPause(pause)
}

// refusal returns the error of a call that does not go on: on a server with the
// promise that it did not run.
func refusal(c *rpcx.Call, code rpcx.Code, format string, args ...any) *rpcx.Error {
	if c.Side == rpcx.ClientSide {
		return rpcx.Unsent(code, format, args...)
	}
	return rpcx.Errorf(code, format, args...).NotExecuted()
}

// warn logs at most one line per pause: peers cause them as often as they like.
func (l *Limiter) warn(ctx context.Context, next *atomic.Int64, msg string, c *rpcx.Call, attrs ...slog.Attr) {
	now, due := int64(time.Since(l.began)), next.Load()
	if now < due || !next.CompareAndSwap(due, now+int64(pause)) {
		return
	}
	attrs = append(attrs, slog.String("method", c.Service+"."+c.Method))
	l.config.Logger.LogAttrs(ctx, slog.LevelWarn, msg, attrs...) //nolint:sloglint // one of two constants
}

// Close closes the connections to Redis. Calls that come later are treated as while it
// cannot be reached.
func (l *Limiter) Close() error { return l.client.Close() }
