// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// - circuit breaker opened
	// - server ejected
	// 5 of 100 calls failed
	// - server returned
	// - circuit breaker closed
	// both servers are in use again
	// without waiting: unavailable
	// waiting: 7 <nil>
}
