// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// failfast returns the first outcome. Only servers that could not be reached are
// passed over, each once and without a pause: nothing ran there.
func failfast(ctx context.Context, a *attempts) error {
	for {
		err := a.elsewhere(ctx)
		if err == nil || !unreached(err) || ctx.Err() != nil || !a.untried() {
			return a.result(err)
		}
	}
}
