// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// failfast returns the first outcome. Only servers that could not be reached are
// passed over, each once and without a pause.
func failfast(ctx context.Context, a *attempts) error { return a.result(a.reach(ctx)) }
