// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// Mul: unauthenticated: unknown token
	// Mul: unauthenticated: unknown token
	// Mul: 48
	// Div: permission denied: Arith.Div is not for you
}
