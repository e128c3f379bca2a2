// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/rpcx-go/rpcx"
)

// AccessLogConfig configures AccessLog.
type AccessLogConfig struct {
	// Logger takes the lines. Default slog.Default().
	Logger *slog.Logger
	// Level returns the level of a call's line; code is 0 for success. Default: Info for
	// success; Error for Unknown, Internal and DataLoss; Warn for all else.
	Level func(code rpcx.Code) slog.Level
	// Sample logs one of so many calls that succeed, always the first. Default 1: all.
	// Those that fail are always logged.
	Sample int
	// Attempts logs each time that a client sends a call as well.
	Attempts bool
	// Attrs returns more to log about a call. Default: none. Nothing of the arguments,
	// the reply or the metadata is logged otherwise.
	Attrs func(ctx context.Context, info *rpcx.CallInfo) []slog.Attr
}

// AccessLog returns an Observer that logs calls when they have ended. It is told of
// those that auth or an interceptor refuses as well; calls of methods that do not
// exist it is not told of. The attributes are:
//
//	side, service, method            client or server; strings
//	code                             "ok" or a name of rpcx.Code
//	duration                         of the call
//	peer                             the address of the other end, where it is known
//	identity                         of the caller, if Auth has found one; see Identity
//	attempt                          number, for attempts
//	oneway                           true, for one-way calls
//	request_bytes, reply_bytes       payloads on the wire, where they are known
//	error                            the text, for calls that failed
func AccessLog(config AccessLogConfig) rpcx.Observer {
	config.Logger = orDefault(config.Logger)
	if config.Level == nil {
		config.Level = levelOf
	}
	config.Sample = max(config.Sample, 1)
	return &accessLog{config: config}
}

type accessLog struct {
	config    AccessLogConfig
	succeeded atomic.Uint64
}

// CallStart implements rpcx.Observer.
func (*accessLog) CallStart(ctx context.Context, _ *rpcx.CallInfo) context.Context { return ctx }

// CallEnd implements rpcx.Observer.
func (a *accessLog) CallEnd(ctx context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	if info.Attempt > 0 && !a.config.Attempts {
		return
	}
	if result.Err == nil && a.config.Sample > 1 && (a.succeeded.Add(1)-1)%uint64(a.config.Sample) != 0 {
		return
	}
	code := rpcx.CodeOf(result.Err)
	level := a.config.Level(code)
	if !a.config.Logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 13)
	attrs = append(attrs, slog.String("side", info.Side.String()),
		slog.String("service", info.Service), slog.String("method", info.Method),
		slog.String("code", codeName(code)), slog.Duration("duration", result.Duration))
	if info.Peer.Addr != nil {
		attrs = append(attrs, slog.String("peer", info.Peer.Addr.String()))
	}
	if who, ok := Identity(ctx); ok && info.Side == rpcx.ServerSide {
		attrs = append(attrs, slog.String("identity", who))
	}
	if info.Attempt > 0 {
		attrs = append(attrs, slog.Int("attempt", info.Attempt))
	}
	if info.Oneway {
		attrs = append(attrs, slog.Bool("oneway", true))
	}
	if result.RequestBytes > 0 || result.ReplyBytes > 0 {
		attrs = append(attrs, slog.Int("request_bytes", result.RequestBytes), slog.Int("reply_bytes", result.ReplyBytes))
	}
	if result.Err != nil {
		attrs = append(attrs, slog.String("error", result.Err.Error()))
	}
	if a.config.Attrs != nil {
		attrs = append(attrs, a.config.Attrs(ctx, info)...)
	}
	a.config.Logger.LogAttrs(ctx, level, "call", attrs...)
}

func codeName(code rpcx.Code) string {
	if code == 0 {
		return "ok"
	}
	return code.String()
}

func levelOf(code rpcx.Code) slog.Level {
	switch code {
	case 0:
		return slog.LevelInfo
	case rpcx.Unknown, rpcx.Internal, rpcx.DataLoss:
		return slog.LevelError
	default:
		return slog.LevelWarn
	}
}
