// SPDX-License-Identifier: Apache-2.0

package balancetest_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/balance/balancetest"
)

// In a real test file this is func TestPolicy(t *testing.T).
func Example() {
	_ = func(t *testing.T) {
		balancetest.Run(t, balance.ZoneAware{Zone: "a", Then: balance.P2C{}})
	}
	// Output:
}
