// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/rpcx-go/rpcx"
)

// RetryInfoConfig configures RetryInfo.
type RetryInfoConfig struct {
	// Tries is how often a call is made in all. Default 3.
	Tries int
	// MaxPause is the longest pause that is waited for; a call that is asked to wait
	// longer fails at once. Default 5 s.
	MaxPause time.Duration
	// Logger is told of each pause, at level Debug. Default slog.Default().
	Logger *slog.Logger
}

// RetryInfo does what servers ask for: when a call did not run and its error says how
// long to wait before the next try, as a rate limit does, it waits and makes the call
// again. It is for Option.Interceptors of a client. A pause that the call's deadline
// leaves no room for is not begun. Pauses are up to a tenth longer than asked, so that
// those who were refused together do not come back together. Further tries are paid from the
// client's RetryBudget, as all retries are.
func RetryInfo(config RetryInfoConfig) rpcx.Interceptor {
	if config.Tries <= 0 {
		config.Tries = 3
	}
	if config.MaxPause <= 0 {
		config.MaxPause = 5 * time.Second
	}
	logger := orDefault(config.Logger)
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			for try := 1; ; try++ {
				err := next(ctx, c)
				pause := askedPause(err)
				if pause <= 0 || pause > config.MaxPause || try == config.Tries {
					return err
				}
				pause += rand.N(pause/10 + 1)
				if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
					return err
				}
				logger.LogAttrs(ctx, slog.LevelDebug, "pause before another try, as the server asked",
					called(c.Service, c.Method), slog.Duration("pause", pause), slog.Int("try", try))
				if !sleep(ctx, pause) {
					return err
				}
			}
		}
	}}
}

// askedPause returns how long the error of a call that did not run asks to wait.
func askedPause(err error) time.Duration {
	var e *rpcx.Error
	if !errors.As(err, &e) || !rpcx.SafeToRetry(err) {
		return 0
	}
	return e.Pause()
}

// sleep reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
