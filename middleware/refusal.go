// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"log/slog"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/notice"
)

// newNotice makes a notice that logs to l, or to the default logger.
func newNotice(l *slog.Logger, msg string) *notice.Notice { return notice.New(orDefault(l), msg) }

// orDefault returns l, or the default logger of now.
func orDefault(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.Default()
	}
	return l
}

// refusal returns the error of a call that does not go on. A server promises its
// caller that the call did not run; on a client nothing was sent, which a handler that
// passes the error on must not turn into such a promise.
func refusal(c *rpcx.Call, code rpcx.Code, format string, args ...any) *rpcx.Error {
	if c.Side == rpcx.ClientSide {
		return rpcx.Unsent(code, format, args...)
	}
	return rpcx.Errorf(code, format, args...).NotExecuted()
}

// called says which call a line is about.
func called(service, name string) slog.Attr { return slog.String("method", service+"."+name) }
