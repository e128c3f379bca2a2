// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// failover tries other servers; after the last one it pauses and begins again. A pause that
// the call has no time for ends it.
func failover(ctx context.Context, a *attempts) error {
	retries := a.client.config.Retries
	for retry, round := 0, 0; ; retry++ {
		err := a.reach(ctx)
		if retry >= retries || !a.repeatable(ctx, err) {
			return a.result(err)
		}
		if a.untried() && !a.stuck {
			if !a.afford(err) {
				return a.result(err)
			}
			continue
		}
		d, fits := a.delay(ctx, round)
		if !fits || !a.afford(err) {
			return a.result(err)
		}
		if err := a.pause(ctx, d); err != nil {
			return a.result(err)
		}
		round++
	}
}
