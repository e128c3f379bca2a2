// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/rpcx-go/rpcx"
)

// deniedPause is the least time between two lines in the log about a retry budget
// that is used up, which goes on for every call of an outage.
const deniedPause = time.Second

// events tells the observer and the log what the client does about servers that fail.
type events struct {
	observer rpcx.EventObserver // nil: none
	log      *slog.Logger
	denied   atomic.Int64 // when the log last had a RetryDenied, in Unix nanoseconds
}

func newEvents(config *resolved) events {
	o, _ := config.Observer.(rpcx.EventObserver)
	return events{observer: o, log: config.Logger}
}

func (e *events) tell(ev rpcx.Event) {
	if e.observer != nil {
		e.observer.ClientEvent(&ev)
	}
	if ev.Kind == rpcx.RetryDenied && !e.due() {
		return
	}
	e.log.Log(context.Background(), level(ev.Kind), ev.Kind.String(), //nolint:sloglint // a constant each
		"service", ev.Service, "method", ev.Method, "server", ev.Server, "error", ev.Err)
}

// due reports whether the log should have another RetryDenied.
func (e *events) due() bool {
	now, last := time.Now().UnixNano(), e.denied.Load()
	return now-last >= int64(deniedPause) && e.denied.CompareAndSwap(last, now)
}

// level is how much an event matters to who reads the log.
func level(k rpcx.EventKind) slog.Level {
	switch k {
	case rpcx.BreakerOpened, rpcx.ServerEjected, rpcx.RetryDenied, rpcx.ServerUnhealthy:
		return slog.LevelWarn
	case rpcx.BreakerClosed, rpcx.ServerReturned, rpcx.ServerHealthy:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}
