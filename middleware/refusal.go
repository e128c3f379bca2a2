// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/rpcx-go/rpcx"
)

// noticeEvery is the least time between two lines of a notice.
const noticeEvery = time.Second

// notice logs what peers can cause as often as they like: one line a second, which
// says how often it happened since the last one.
type notice struct {
	logger *slog.Logger
	msg    string

	mu    sync.Mutex
	last  time.Time
	times int
}

func newNotice(l *slog.Logger, msg string) *notice { return &notice{logger: orDefault(l), msg: msg} }

// orDefault returns l, or the default logger of now.
func orDefault(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.Default()
	}
	return l
}

func (n *notice) warn(ctx context.Context, attrs ...slog.Attr) {
	if times := n.due(); times > 0 {
		attrs = append(attrs, slog.Int("times", times))
		n.logger.LogAttrs(ctx, slog.LevelWarn, n.msg, attrs...) //nolint:sloglint // constant where it was made
	}
}

// due returns how often it happened since the last line, 0 when it is not time for one.
func (n *notice) due() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.times++
	now := time.Now()
	if !n.last.IsZero() && now.Sub(n.last) < noticeEvery {
		return 0
	}
	times := n.times
	n.last, n.times = now, 0
	return times
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
