// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// Mul 48
	// Add 16
	// Plus 16
	// Sub 8
	// Div failed: rpcx: can't find method Div
}
