// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// in turn: [oslo-1 oslo-2 rome-1]
	// a group: [oslo-2 oslo-2 oslo-2]
	// nearest: [rome-1 rome-1 rome-1]
}
