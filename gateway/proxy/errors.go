// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/protocol"
)

// public returns what a stranger is told of an error. What the service said passes word
// for word. What went wrong on the way to it has addresses in it and the like: it goes to
// the log, and its kind to the stranger.
func (p *Proxy) public(ctx context.Context, call *protocol.Message, err error) error {
	var e *rpcx.Error
	if errors.As(err, &e) && e.Remote() {
		return withoutStack(e)
	}
	code, why := kind(err)
	if code != rpcx.Canceled && code != rpcx.DeadlineExceeded {
		p.failed.Warn(ctx, slog.String("service", call.Service), slog.String("method", call.Method), slog.Any("error", err))
	}
	told := rpcx.Errorf(code, "gateway: call %s.%s: %s", call.Service, call.Method, why)
	if rpcx.SafeToRetry(err) {
		told = told.NotExecuted()
	}
	return told.WithPause(pauseOf(err))
}

// kind returns the code of a call that no service answered, and what it means.
func kind(err error) (code rpcx.Code, why string) {
	switch code = rpcx.CodeOf(err); code {
	case rpcx.Canceled:
		return code, "given up"
	case rpcx.DeadlineExceeded:
		return code, "no answer in time"
	case rpcx.ResourceExhausted:
		return code, "its servers have too much to do, or it is too large"
	case rpcx.Unavailable:
		if rpcx.SafeToRetry(err) {
			return code, "no server can be reached"
		}
		return code, "the connection was lost, outcome unknown"
	case rpcx.DataLoss:
		return code, "the answer is damaged"
	default: // the client has not been used as it must be
		return rpcx.Internal, "it cannot be passed on"
	}
}

// pauseOf returns the longest pause that any error of a chain asks for.
func pauseOf(err error) (pause time.Duration) {
	if e, ok := err.(*rpcx.Error); ok { //nolint:errorlint // the chain is walked here
		pause = e.Pause()
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		return max(pause, pauseOf(e.Unwrap()))
	case interface{ Unwrap() []error }:
		for _, each := range e.Unwrap() {
			pause = max(pause, pauseOf(each))
		}
	}
	return pause
}

// panicText is what servers of rpcx begin their report of a panic with; arguments and
// stack follow.
const panicText = "[service internal error]: "

// withoutStack returns what a service said, but for what servers of rpcx say of a panic.
func withoutStack(e *rpcx.Error) error {
	if !strings.HasPrefix(e.Error(), panicText) || !strings.Contains(e.Error(), ", stack: ") {
		return e
	}
	return rpcx.Errorf(e.Code(), "%spanic", panicText)
}
