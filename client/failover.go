// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// failover tries other servers; after the last one it pauses and begins again.
func failover(ctx context.Context, a *attempts) error {
	retries := a.client.config.Retries
	for retry, round := 0, 0; ; retry++ {
		err := a.reach(ctx)
		if retry >= retries || !a.repeatable(ctx, err) || !a.afford(err) {
			return a.result(err)
		}
		if a.untried() && !a.stuck {
			continue
		}
		if err := a.pause(ctx, round); err != nil {
			return a.result(err)
		}
		round++
	}
}
