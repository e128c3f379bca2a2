// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/rpcx-go/rpcx"
)

// DefaultTimeout is how long a call may take when nothing else is said.
const DefaultTimeout = 30 * time.Second

// TimeoutConfig configures Timeout.
type TimeoutConfig struct {
	// Default is how long a call may take that Methods does not name. Default
	// DefaultTimeout; negative: no bound.
	Default time.Duration
	// Methods is how long calls of certain methods may take; 0 or less: no bound.
	Methods map[string]time.Duration
	// Logger takes a warning when calls take too long. Default slog.Default().
	Logger *slog.Logger
}

// Timeout bounds calls. A deadline that the caller has set counts when it is earlier.
// On a client the call returns when the time is over, and the deadline travels to the
// server. On a server the context of the handler ends; a handler that pays no heed to
// it goes on, and its reply is sent when it returns: Go cannot stop it. A call whose
// time was over ends with DeadlineExceeded.
func Timeout(config TimeoutConfig) rpcx.Interceptor {
	if config.Default == 0 {
		config.Default = DefaultTimeout
	}
	methods := newMethods(config.Methods)
	late := newNotice(config.Logger, "calls take too long")
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) error {
			limit, ok := methods.find(c.Service, c.Method)
			if !ok {
				limit = config.Default
			}
			if limit <= 0 {
				return next(ctx, c)
			}
			over := errors.New("timeout of " + limit.String())
			ctx, cancel := context.WithTimeoutCause(ctx, limit, over)
			defer cancel()
			err := next(ctx, c)
			if !errors.Is(err, context.DeadlineExceeded) || context.Cause(ctx) != over { //nolint:errorlint // this very one
				return err
			}
			late.Warn(ctx, called(c.Service, c.Method), slog.Duration("limit", limit))
			var e *rpcx.Error
			if errors.As(err, &e) {
				return err // it knows more, such as whether the call ran
			}
			return rpcx.Errorf(rpcx.DeadlineExceeded, "timeout: %s.%s took longer than %v", c.Service, c.Method, limit)
		}
	}}
}
