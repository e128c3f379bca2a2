// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/internal/backoff"
)

// readyCap is the longest pause before a call that waits looks for a server again.
const readyCap = reconnectCap / 4

// waitForReady makes the call until a server has taken it or its context ends. A call
// that may have run is not made again here: that is the fail mode's affair.
func waitForReady(ctx context.Context, a *attempts, run failFunc) error {
	policy := backoff.Policy{Cap: readyCap}
	var why error // there was no server the last time
	for round := 0; ; round++ {
		err := run(ctx, a)
		if a.client.ctx.Err() != nil && unreached(err) {
			return errClosed
		}
		if ctx.Err() != nil && why != nil && rpcx.SafeToRetry(err) {
			return a.waited(ctx, why)
		}
		if err == nil || !unreached(err) || ctx.Err() != nil || a.target.forgotten.Load() {
			return err
		}
		why = err
		for again := false; !again; again = a.afford(err) {
			a.cut = nil
			switch a.sleep(ctx, policy.Delay(round)) {
			case nil:
			case errClosed: //nolint:errorlint // our own value
				return errClosed
			default:
				return a.waited(ctx, why)
			}
		}
		a = newAttempts(a.client, a.out, a.target)
	}
}

// waited is the error of a call whose context ended while it waited.
func (a *attempts) waited(ctx context.Context, why error) error {
	return rpcx.Unsent(rpcx.CodeOf(ctx.Err()), "client: wait for a server of %s: %w: %w", a.target.service, context.Cause(ctx), why)
}
