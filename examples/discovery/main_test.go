// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// answered by red
	// answered by green
	// answered by red
	// client: registry: address "tcp@" is not of the form network@address
}
