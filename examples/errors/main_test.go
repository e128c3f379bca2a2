// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// no unicorn in stock; look elsewhere than in the north
	// too many customers (resource exhausted) by the server: true; try again in 2s
	// unknown error: something else
	// canceled: true by the server: false ran: false
}
