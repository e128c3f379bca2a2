// SPDX-License-Identifier: Apache-2.0

// Package notice logs what peers can cause as often as they like.
package notice

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// every is the least time between two lines of a notice.
const every = time.Second

// Notice is one such thing: one line a second, which says how often it happened since
// the last one.
type Notice struct {
	logger *slog.Logger
	msg    string

	mu    sync.Mutex // guards what follows
	last  time.Time
	times int
}

// New makes a notice; msg is the text of its lines.
func New(l *slog.Logger, msg string) *Notice { return &Notice{logger: l, msg: msg} }

// Warn notes that it happened, and logs it if it is time for a line.
func (n *Notice) Warn(ctx context.Context, attrs ...slog.Attr) {
	if times := n.due(); times > 0 {
		attrs = append(attrs, slog.Int("times", times))
		n.logger.LogAttrs(ctx, slog.LevelWarn, n.msg, attrs...) //nolint:sloglint // constant where it was made
	}
}

// due returns how often it happened since the last line, 0 when it is not time for one.
func (n *Notice) due() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.times++
	now := time.Now()
	if !n.last.IsZero() && now.Sub(n.last) < every {
		return 0
	}
	times := n.times
	n.last, n.times = now, 0
	return times
}
