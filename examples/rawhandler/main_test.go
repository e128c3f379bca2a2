// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// proxy: Arith.Mul, 7 bytes of msgpack
	// Mul: 42
	// proxy: Arith.Div, 7 bytes of msgpack
	// Div: invalid argument - division by zero
	// proxy: Arith.Mul, 13 bytes of json
	// by hand: {"C":15} <nil>
}
