// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"

	"github.com/rpcx-go/rpcx"
)

// watcher is an observer that keeps what it is told.
type watcher struct {
	starts chan rpcx.CallInfo
	ends   chan callEnd
	opened chan rpcx.ConnInfo
	closed chan connEnd
	events chan rpcx.Event
}

type callEnd struct {
	info   rpcx.CallInfo
	result rpcx.CallResult
}

type connEnd struct {
	info   rpcx.ConnInfo
	reason error
}

func newWatcher() *watcher {
	const room = 10_000
	return &watcher{
		starts: make(chan rpcx.CallInfo, room), ends: make(chan callEnd, room),
		opened: make(chan rpcx.ConnInfo, room), closed: make(chan connEnd, room),
		events: make(chan rpcx.Event, room),
	}
}

func (w *watcher) CallStart(ctx context.Context, info *rpcx.CallInfo) context.Context {
	w.starts <- *info
	return ctx
}

func (w *watcher) CallEnd(_ context.Context, info *rpcx.CallInfo, result *rpcx.CallResult) {
	w.ends <- callEnd{*info, *result}
}

func (w *watcher) ConnOpen(info *rpcx.ConnInfo) { w.opened <- *info }

func (w *watcher) ConnClose(info *rpcx.ConnInfo, reason error) { w.closed <- connEnd{*info, reason} }

func (w *watcher) ClientEvent(e *rpcx.Event) { w.events <- *e }

// told returns what the client has done about servers that fail, since the last time.
func (w *watcher) told() []string {
	var told []string
	for {
		select {
		case e := <-w.events:
			text := e.Kind.String()
			if e.Method != "" {
				text += " " + e.Service + "." + e.Method
			}
			if e.Server != "" {
				text += " " + e.Server
			}
			told = append(told, text)
		default:
			return told
		}
	}
}

var (
	_ rpcx.ConnObserver  = (*watcher)(nil)
	_ rpcx.EventObserver = (*watcher)(nil)
)
