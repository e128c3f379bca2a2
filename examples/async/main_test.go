// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// sum of 100 replies: 9900
}
