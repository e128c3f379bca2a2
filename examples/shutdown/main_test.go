// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// restarted server 1 of 2
	// restarted server 2 of 2
	// failed calls: 0 of many: true
}
