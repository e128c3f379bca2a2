// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// the server answered: true <nil>
	// the hole: unavailable
}
