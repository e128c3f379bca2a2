// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// failtry tries the same server again, after a pause that grows.
func failtry(ctx context.Context, a *attempts) error {
	config := a.client.config
	err := a.reach(ctx)
	for retry := 0; retry < config.Retries && a.repeatable(ctx, err); retry++ {
		if config.retry.Wait(ctx, retry) != nil {
			break
		}
		err = a.again(ctx)
	}
	return a.result(err)
}
