// SPDX-License-Identifier: Apache-2.0

package codectest_test

import (
	"testing"

	"github.com/rpcx-go/rpcx/codec/codectest"
	"github.com/rpcx-go/rpcx/codec/json"
)

// In a real test file this is func TestCodec(t *testing.T).
func Example() {
	type Point struct{ X, Y int }
	_ = func(t *testing.T) {
		codectest.Run(t, json.Codec{},
			codectest.Case{Name: "point", Value: &Point{1, 2}, New: func() any { return new(Point) }},
		)
	}
	// Output:
}
