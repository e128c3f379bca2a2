// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/rpcx-go/rpcx"
)

// RecoverConfig configures Recover.
type RecoverConfig struct {
	// Error makes the error that the caller gets. Default: Internal, without a word of
	// the panic, which may hold what the caller must not know.
	Error func(ctx context.Context, c *rpcx.Call, panicked any) error
	// Logger takes the panic and its stack. Default slog.Default().
	Logger *slog.Logger
}

// Recover turns a panic of what it wraps into an error. A server does that by itself
// for the call as a whole; with Recover the interceptors further out see an error
// instead of being unwound, and a client's interceptors may panic without harm.
func Recover(config RecoverConfig) rpcx.Interceptor {
	logger := orDefault(config.Logger)
	asError := config.Error
	if asError == nil {
		asError = func(_ context.Context, c *rpcx.Call, _ any) error {
			return rpcx.Errorf(rpcx.Internal, "recover: panic in %s.%s", c.Service, c.Method)
		}
	}
	return rpcx.Interceptor{Unary: func(next rpcx.UnaryFunc) rpcx.UnaryFunc {
		return func(ctx context.Context, c *rpcx.Call) (err error) {
			defer func() {
				if r := recover(); r != nil {
					logger.LogAttrs(ctx, slog.LevelError, "panic in a call", called(c.Service, c.Method),
						slog.String("panic", fmt.Sprint(r)), slog.String("stack", string(debug.Stack())))
					err = asError(ctx, c, r)
				}
			}()
			return next(ctx, c)
		}
	}}
}
