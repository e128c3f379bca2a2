// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// ordered
	// ordered
	// - call refused Shop.Order
	// resource exhausted - not executed: true - come again in a second: true
}
