// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"

	"github.com/rpcx-go/rpcx"
)

// failbackup sends the call to a second server when the first one takes long, and takes
// the first success. The first attempt runs on the caller's goroutine; the other one has
// its own, which ends before the call does. A first attempt that fails early, in a way
// that may fare better elsewhere, is followed by the second one at once.
func failbackup(ctx context.Context, a *attempts) error {
	if a.out.call.Oneway || a.once() {
		return failfast(ctx, a)
	}
	call := a.out.call // as it is before the first attempt writes to it
	usual := a.client.delays.of(&call)
	wait := a.client.config.BackupLatency
	if wait == 0 {
		wait = usual.p95()
	}
	first, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	second, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	var backup *attempts // nil: there was none
	var backupErr error
	var panicked any // what an interceptor or a codec panicked with
	ended := make(chan struct{})
	timer := time.AfterFunc(wait, func() {
		defer func() {
			panicked = recover()
			close(ended)
		}()
		if backup = a.backup(second, call); backup == nil {
			return
		}
		if backupErr = backup.reach(backup.out); backupErr == nil {
			giveUp(errBeaten)
		}
	})
	settled := false
	defer func() {
		if !settled && !timer.Stop() { // the first attempt panicked
			stop(errBeaten)
			<-ended
		}
	}()
	began := time.Now()
	err := a.reach(first)
	settled = true
	if err == nil || context.Cause(first) == errBeaten { //nolint:errorlint // our own value
		usual.observe(time.Since(began))
	}
	if !timer.Stop() {
		if err == nil {
			stop(errBeaten)
		}
		<-ended
		if panicked != nil {
			panic(panicked) //nolint:forbidigo // here the caller can recover
		}
	}
	switch {
	case err == nil:
		return nil
	case backup == nil: // it has failed before there was one
		if !a.repeatable(ctx, err) || !a.untried() || !a.afford(err) {
			return a.result(err)
		}
		return a.result(a.reach(ctx))
	case backupErr == nil:
		a.out.adopt(backup.out)
		return nil
	}
	a.errs = append(a.errs, backup.errs...)
	if remote(backupErr) && !remote(err) {
		err = backupErr // what the service says is worth more
	}
	return a.result(err)
}

// backup prepares the attempt on a second server. It returns nil if there is none, or if
// the retry budget has nothing to spare.
func (a *attempts) backup(ctx context.Context, call rpcx.Call) *attempts {
	slow := a.at.Load()
	if slow == nil {
		return nil // still looking for the first one
	}
	o := twin(ctx, a.out, call)
	o.attempt = 1
	b := newAttempts(a.client, o, a.target)
	b.tried = append(b.tried, slow)
	if !b.untried() {
		return nil
	}
	ev := rpcx.Event{Kind: rpcx.CallHedged, Service: call.Service, Method: call.Method, Server: slow.key}
	if !a.client.budget.spare(b.crisis()) {
		ev.Kind, ev.Server = rpcx.RetryDenied, ""
		b = nil
	}
	a.client.events.tell(ev)
	return b
}
