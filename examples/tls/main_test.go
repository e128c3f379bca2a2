// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// ada: the server knows me as ada
	// somebody: unavailable
	// a stranger to the authority: unavailable
	// somebody without tls: unavailable
}
