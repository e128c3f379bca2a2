// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// Guten Tag, Ada
	// Hello, Ada
	// answered by greeter-1
}
