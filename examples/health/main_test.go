// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// map[north:5 south:5]
	// server not serving
	// map[north:10]
	// server serving again
	// map[north:5 south:5]
	// ready: 503 200 alive: 200
}
