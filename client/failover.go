// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// failover tries other servers; after the last one it pauses and begins again.
func failover(ctx context.Context, a *attempts) error {
	config := a.client.config
	for retry, round := 0, 0; ; retry++ {
		err := a.reach(ctx)
		if retry >= config.Retries || !a.repeatable(ctx, err) {
			return a.result(err)
		}
		if a.untried() {
			continue
		}
		if config.retry.Wait(ctx, round) != nil {
			return a.result(err)
		}
		round++
	}
}
