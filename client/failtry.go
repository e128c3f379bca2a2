// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// failtry tries the same server again, after a pause that grows.
func failtry(ctx context.Context, a *attempts) error {
	retries := a.client.config.Retries
	err := a.reach(ctx)
	for retry := 0; retry < retries && a.repeatable(ctx, err) && a.afford(err); retry++ {
		if err = a.pause(ctx, retry); err != nil {
			break
		}
		err = a.again(ctx)
	}
	return a.result(err)
}
