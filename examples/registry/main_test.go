// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// answered by red
	// answered by green
	// answered by green green green
}
