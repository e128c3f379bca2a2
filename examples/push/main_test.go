// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// to Ada: welcome, Ada
	// to Bob: Welcome: welcome, Bob
	// to Ada: lunch is ready
	// to Bob: News: lunch is ready
}
