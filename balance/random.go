// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"context"
	"math/rand/v2"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/registry"
)

// Random chooses each usable server with the same probability.
type Random struct{}

// NewPicker implements Policy.
func (Random) NewPicker(set []registry.Instance, _ Picker) Picker { return randomPicker(len(set)) }

type randomPicker int

// Pick draws until it hits a usable server. After a few misses most are down: then
// it draws among the usable ones only.
func (n randomPicker) Pick(_ context.Context, _ *rpcx.Call, usable func(int) bool) int {
	for range 4 {
		if i := rand.IntN(int(n)); usable(i) {
			return i
		}
	}
	picked, seen := -1, 0
	for i := range int(n) {
		if !usable(i) {
			continue
		}
		if seen++; rand.IntN(seen) == 0 { // each of the seen ones is kept with 1/seen
			picked = i
		}
	}
	return picked
}
