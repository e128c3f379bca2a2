// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// back has a deadline: true - at most the caller's: true
	// caller: deadline exceeded
	// back has stopped
}
