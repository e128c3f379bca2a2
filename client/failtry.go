// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// failtry tries the same server again, after a pause that grows. A pause that the call has
// no time for ends it.
func failtry(ctx context.Context, a *attempts) error {
	retries := a.client.config.Retries
	err := a.reach(ctx)
	for retry := 0; retry < retries && a.repeatable(ctx, err); retry++ {
		d, fits := a.delay(ctx, retry)
		if !fits || !a.afford(err) {
			break
		}
		if err = a.pause(ctx, d); err != nil {
			break
		}
		err = a.again(ctx)
	}
	return a.result(err)
}
