// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// fork: banana <nil>
	// inform: 0 left
	// inform: 1 left
	// inform: unavailable
	// broadcast: unavailable
}
