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

var _ rpcx.ConnObserver = (*watcher)(nil)
